export { environment as secretScanningEnvironment } from './config.js';
export { SecretScanningModule, type SecretScanningPorts } from './secret-scanning.module.js';
export { secretScanningSchema } from './store/migrations/index.js';
