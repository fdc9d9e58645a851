export {
  checksum,
  DEFAULT_KEY_MARKER,
  digestSecret,
  generatePublicKey,
  generateSecret,
  hasSecretForm,
  KEY_MARKER_PATTERN,
  maskSecret,
  pepperId,
  Secret,
} from './secret.js';
export { digestsUnder, pepperIds, peppersOf, type Peppers } from './peppers.js';
export {
  allDigestsOf,
  canBeImported,
  digestImported,
  importableWords,
  importedDigests,
  readSha256,
  type ImportedDigests,
  type ImportedForm,
} from './imported-secret.js';
export { hashOfKey, idOfHash } from './key-hash.js';
export { findSecrets } from './find-secrets.js';
export { DEFAULT_SCOPES, SCOPES, type Scope } from './scope.js';
export { accountsOf, type JoinedAccount, type KeyAccounts } from './accounts-of.js';
export {
  groupsThatOpen,
  type OrganizationSnapshot,
  type SnapshotBudget,
  type SnapshotGrant,
  type SnapshotPrices,
} from './organization-snapshot.js';
export {
  BROWSER_USES,
  KEY_TYPES,
  SECRET_FORMS,
  SNAPSHOT_FORM,
  type ActiveSnapshot,
  type BrowserUse,
  type CapRaise,
  type CappedAccount,
  type KeySnapshot,
  type KeyType,
  type RateLimits,
  type RevokeReason,
  type SecretForm,
  type SnapshotSecret,
  type SnapshotSubscription,
  type Tombstone,
} from './snapshot.js';
export { CREDIT_RESETS, cycleOf, type CreditCycle, type CreditReset, type CycleReset } from './credit-cycle.js';
export {
  ACCOUNT_KINDS,
  budgetAccountId,
  cycleAccountId,
  cycleOfAccount,
  grantAccountId,
  inCycle,
  keyAccountId,
  kindOfAccount,
  limitOf,
  organizationAccountId,
  paygAccountId,
  subscriptionAccountId,
  type AccountKind,
} from './account-id.js';
export { subscriptionCycleAt, subscriptionCycleStart } from './subscription-cycle.js';
export { subscriptionTermsAt } from './subscription-cycle-terms.js';
export { compileAllowedIps, normaliseAddress, parseSubnet, type Subnet } from './allowed-ip.js';
