export { KEY_MANAGEMENT_API } from './api/key-management-api.js';
export { KeyManagementModule, type KeyManagementPorts } from './key-management.module.js';
export { keyManagementSchema } from './store/migrations/index.js';
