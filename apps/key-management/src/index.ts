export { environment as keyManagementEnvironment } from './config.js';
export { KEY_MANAGEMENT_API } from './api/key-management-api.js';
export { KeyManagementModule, type KeyManagementPorts } from './key-management.module.js';
export { keyManagementSchema } from './store/migrations/index.js';
export { refuseOtherPepper } from './store/refuse-other-pepper.js';
