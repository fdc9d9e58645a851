export { environment as keyManagementEnvironment } from './config.js';
export { KEY_MANAGEMENT_API } from './api/key-management-api.js';
export { KeyManagementModule, type KeyManagementPorts } from './key-management.module.js';
export { keyManagementSchema } from './store/migrations/index.js';
export { KeyStore } from './store/key-store.js';
export { Members } from './store/members.js';
export { OrganizationStore } from './organizations/organization-store.js';
export { refuseOtherPepper } from './store/refuse-other-pepper.js';
