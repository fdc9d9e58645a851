export { DEFAULT_ORGANIZATION_ID, readOrganizationId } from './organizations.js';
export { asLedgerText, isLedgerText, ledgerId } from './ledger-text.js';
export { count, digest, id, instant, nanoUsd, readableItems, uuid } from './primitives.js';
export { KEYS_CHANGED_V1, keysChangedV1, type KeysChangedV1 } from './events/keys-changed.v1.js';
export {
  USAGE_OUTCOMES,
  USAGE_RECORDED_V1,
  USAGE_RECORDED_V1_FIELDS,
  usageRecordedV1,
  type UsageRecordedV1,
} from './events/usage-recorded.v1.js';
export {
  USAGE_RECORDED_V2,
  USAGE_RECORDED_V2_FIELDS,
  usageRecordedV2,
  type UsageRecordedV2,
  type UsageRecordedV2Input,
} from './events/usage-recorded.v2.js';
export { usageRecorded, USAGE_TOPIC_OF, USAGE_TOPICS, type UsageRecorded } from './events/usage-recorded.js';
export {
  eventSchemaWithout,
  fieldsFrom,
  fieldsOfKind,
  type EventFields,
  type FieldKind,
  type FieldsFrom,
  type FieldsOfKind,
  type FieldSource,
  type FieldValues,
} from './events/event-fields.js';
export {
  ORGANIZATIONS_CHANGED_V1,
  organizationsChangedV1,
  type OrganizationsChangedV1,
} from './events/organizations-changed.v1.js';
export {
  SUBSCRIPTIONS_CHANGED_V1,
  subscriptionsChangedV1,
  subscriptionTerms,
  type SubscriptionsChangedV1,
  type SubscriptionTerms,
} from './events/subscriptions-changed.v1.js';
export { CALLS_REFUSED_V1, callsRefusedV1, type CallsRefusedV1 } from './events/calls-refused.v1.js';
export {
  AUDIT_RECORDED_V1,
  auditRecordedV1,
  PERSONAL_FIELD,
  type AuditRecordedV1,
} from './events/audit-recorded.v1.js';
export { LIMITS_CHANGED_V1, limitsChangedV1, type LimitsChangedV1 } from './events/limits-changed.v1.js';
export { NOTICES_V1, noticesV1, type NoticesV1 } from './events/notices.v1.js';
export {
  CREDIT_THRESHOLD_CROSSED_V1,
  creditThresholdCrossedV1,
  type CreditThresholdCrossedV1,
} from './events/credit-threshold-crossed.v1.js';
export { LEAKS_REPORTED_V1, leaksReportedV1, type LeaksReportedV1 } from './events/leaks-reported.v1.js';
export { KEYS_USED_V1, keysUsedV1, USED_ADDRESSES_MAX, type KeysUsedV1 } from './events/keys-used.v1.js';
export {
  ADDED_DIGESTS_MAX,
  addDigestsRequest,
  KEY_MANAGEMENT_API,
  identifyPrincipalReply,
  identifyPrincipalRequest,
  keySnapshot,
  knownKeysReply,
  knownKeysRequest,
  KNOWN_OWNERS_MAX,
  contactsReply,
  contactsRequest,
  type Contacts,
  type ContactsRequest,
  knownOwnersReply,
  knownOwnersRequest,
  type PresentLimit,
  LEAKED_DIGESTS_MAX,
  leakedKeyOutcome,
  organizationSnapshot,
  importedKeysReply,
  revokeLeakedKeysReply,
  revokeLeakedKeysRequest,
  recordRefusedCallsRequest,
  REFUSED_CALLS_MAX,
  type RefusedCall,
  verifyKeyReply,
  verifyKeyRequest,
  type AddedDigest,
  type ApiKeyStatus,
  type KnownOwners,
  type KnownOwnersRequest,
  type IdentifiedPrincipal,
  type IdentifyPrincipalRequest,
  type KeyManagementApi,
  type LeakedKeyOutcome,
  type VerifiedKey,
  createSubscriptionKeyReply,
  createSubscriptionKeyRequest,
  takenTermsReply,
  takeOrganizationTermsRequest,
  takeSubscriptionTermsRequest,
  type TakenTerms,
  type CreatedSubscriptionKey,
  type CreateSubscriptionKeyRequest,
} from './internal/key-management.js';
export {
  accountBalancesReply,
  accountBalancesRequest,
  claimJournalReply,
  claimJournalRequest,
  endBudgetRequest,
  endOrganizationRequest,
  endSubscriptionsRequest,
  keySpending,
  loadAccountReply,
  loadAccountRequest,
  openCreditEpochRequest,
  registerGatewayRequest,
  shippedJournalRequest,
  spendingByKeyReply,
  spendingByKeyRequest,
  subscriptionOfKeyReply,
  subscriptionOfKeyRequest,
  USAGE_BILLING_API,
  type AccountBalancesRequest,
  type EndBudgetRequest,
  type EndOrganizationRequest,
  type EndSubscriptionsRequest,
  type ToldBalance,
  type KeySpending,
  type KeySubscriptionCycle,
  type LoadAccountRequest,
  type UsageBillingApi,
} from './internal/usage-billing.js';
