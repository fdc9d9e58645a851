export { AuditTrail } from './audit/audit-trail.js';
export { environment as keyManagementEnvironment } from './config.js';
export { KeyManagementModule } from './key-management.module.js';
export { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from './ports.js';
export { keyManagementSchema } from './store/migrations/index.js';
export { KeyStore } from './store/key-store.js';
export { Members } from './store/members.js';
export { OrganizationStore } from './organizations/organization-store.js';
export { refuseOtherPepper } from './store/refuse-other-pepper.js';
