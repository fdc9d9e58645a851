export { DEFAULT_SCOPES, SCOPES, type Scope } from './scope.js';
export { accountsOf, type JoinedAccount, type OrganizationSnapshot } from './organization-snapshot.js';
export {
  BROWSER_USES,
  CREDIT_RESETS,
  KEY_TYPES,
  keyAccountId,
  organizationAccountId,
  SECRET_FORMS,
  SNAPSHOT_FORM,
  type ActiveSnapshot,
  type BrowserUse,
  type CappedAccount,
  type CreditReset,
  type KeySnapshot,
  type KeyType,
  type RateLimits,
  type RevokeReason,
  type SecretForm,
  type SnapshotSecret,
  type Tombstone,
} from './snapshot.js';
export { cycleAccountId, cycleOf, cycleOfAccount, limitOf, type CreditCycle } from './credit-cycle.js';
