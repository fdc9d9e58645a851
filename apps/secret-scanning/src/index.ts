export { environment as secretScanningEnvironment, migrateEnvironment as secretScanningMigrate } from './config.js';
export { SECRET_SCANNING_SETTINGS, type SecretScanningSettings } from './ports.js';
export { SecretScanningModule } from './secret-scanning.module.js';
export { LeakStore } from './store/leak-store.js';
export { MailStore } from './store/mail-store.js';
export { secretScanningSchema } from './store/migrations/index.js';
