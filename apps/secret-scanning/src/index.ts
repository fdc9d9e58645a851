export { SecretScanningModule, type SecretScanningPorts } from './secret-scanning.module.js';
export { secretScanningSchema } from './store/migrations/index.js';
export { WEBHOOK_BODY_BYTES_MAX } from './receive-report/github.controller.js';
