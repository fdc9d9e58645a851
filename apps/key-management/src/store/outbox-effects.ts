/** The Postgres schema that key-management owns. */
export const KEYS_SCHEMA = 'keys';
/** Outbox effect: the payload, a `KeySnapshot`, goes to the gateways. */
export const WRITE_SNAPSHOT = 'write-snapshot';
/** Outbox effect: the payload, an `OrganizationSnapshot`, goes to the gateways. */
export const WRITE_ORGANIZATION = 'write-organization';
/** Outbox effect: the payload says whose keys end, because their organisation is deleted. */
export const END_KEYS = 'end-keys';
/** Outbox effect: usage-billing is told that the organisation of the key was deleted. */
export const END_BILLING = 'end-billing';
/** Outbox effect: usage-billing is told whose budget ends; the payload is an `EndBudgetRequest`. */
export const END_BUDGET = 'end-budget';
/** Outbox effect: usage-billing is told whose subscriptions end; the payload is an `EndSubscriptionsRequest`. */
export const END_SUBSCRIPTIONS = 'end-subscriptions';
/** Outbox effect: the payload, a `KeysChangedV1`, goes to the bus. */
export const PUBLISH_CHANGE = 'publish-change';
/** Outbox effect: the payload, an encrypted mail, goes to a person. */
export const SEND_MAIL = 'send-mail';
/** Outbox effect: the payload, encrypted, is an address for which somebody asked for a new password. */
export const RESET_PASSWORD = 'reset-password';
