export {
  checksum,
  DEFAULT_KEY_MARKER,
  digestSecret,
  generateSecret,
  hasSecretForm,
  KEY_MARKER_PATTERN,
  maskSecret,
  pepperId,
  Secret,
} from './secret.js';
export { digestsUnder, pepperIds, peppersOf, type Peppers } from './peppers.js';
export { findSecrets } from './find-secrets.js';
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
export { compileAllowedIps, normaliseAddress, parseSubnet, type Subnet } from './allowed-ip.js';
