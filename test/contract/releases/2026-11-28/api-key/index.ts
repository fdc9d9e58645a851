export { DEFAULT_SCOPES, SCOPES, type Scope } from './scope.js';
export {
  keyAccountId,
  organizationAccountId,
  type ActiveSnapshot,
  type CappedAccount,
  type KeySnapshot,
  type RateLimits,
  type RevokeReason,
  type Tombstone,
} from './snapshot.js';
