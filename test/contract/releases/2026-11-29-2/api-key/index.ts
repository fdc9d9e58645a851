export { DEFAULT_SCOPES, SCOPES, type Scope } from './scope.js';
export { accountsOf, type OrganizationSnapshot } from './organization-snapshot.js';
export {
  keyAccountId,
  organizationAccountId,
  SNAPSHOT_FORM,
  type ActiveSnapshot,
  type CappedAccount,
  type KeySnapshot,
  type RateLimits,
  type RevokeReason,
  type Tombstone,
} from './snapshot.js';
