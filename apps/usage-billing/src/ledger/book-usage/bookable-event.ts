import {
  asLedgerText,
  fieldsOfKind,
  USAGE_RECORDED_V1_FIELDS as FIELDS,
  type FieldsOfKind,
  type UsageRecordedV1,
} from '@tollgate/contracts';

/** An event that the database can store, and the names of the fields in which something had to be replaced. */
export interface BookableEvent {
  readonly event: UsageRecordedV1;
  readonly replaced: readonly string[];
}

/** Descriptive texts: no look-up and no charge depends on them. */
const WORDS = fieldsOfKind(FIELDS, 'text');
/** All texts of an event whose form is not fixed, except the ids of its accounts. */
export const TEXTS: readonly FieldsOfKind<typeof FIELDS, 'id' | 'text'>[] = fieldsOfKind(FIELDS, 'id', 'text');
const MOMENTS = fieldsOfKind(FIELDS, 'moment');
/** All amounts of an event, except those of its accounts. */
const AMOUNTS = fieldsOfKind(FIELDS, 'amount', 'amountOrNull');

/** Nine billion USD. A `bigint` of Postgres holds about 2 % more, which leaves room to add to a sum. */
export const AMOUNT_MAX = 9_000_000_000_000_000_000n;

/** ISO 8601 has a year 0; Postgres refuses it. */
const YEAR_ZERO = /^0000/;
const FIRST_MOMENT = '0001-01-01T00:00:00.000Z';

/**
 * Replaces everything in an event that Postgres cannot store: the request was served, so its charge is owed whatever
 * its texts contain. Today's gateways refuse such texts, but earlier releases did not, and the bus checks nothing.
 */
export function bookableEvent(event: UsageRecordedV1): BookableEvent {
  const changes: Record<string, unknown> = {};
  for (const name of TEXTS) {
    const given = event[name];
    if (given === undefined) continue;
    const text = asLedgerText(given);
    if (text !== given) changes[name] = text;
  }
  for (const name of MOMENTS) if (YEAR_ZERO.test(event[name])) changes[name] = FIRST_MOMENT;
  // A charge above the maximum cannot be real: the event stays as it is, and the database refuses it.
  if (BigInt(event.chargeNanoUsd) <= AMOUNT_MAX) {
    for (const name of AMOUNTS) if (isTooMuch(event[name])) changes[name] = AMOUNT_MAX.toString();
  }
  const accounts = bookableAccounts(event.accounts);
  if (accounts !== event.accounts) changes['accounts'] = accounts;
  return withChanges(event, changes);
}

/**
 * Reduces the descriptive texts to at most 200 characters of printable ASCII, for a database that refuses the event
 * anyway, for example because its encoding is not UTF-8. Null if that changes nothing.
 */
export function plainestEvent(event: UsageRecordedV1): BookableEvent | null {
  const changes: Record<string, unknown> = {};
  for (const name of WORDS) {
    const text = event[name].replaceAll(/[^ -~]/gu, '?').slice(0, 200);
    if (text !== event[name]) changes[name] = text;
  }
  return Object.keys(changes).length === 0 ? null : withChanges(event, changes);
}

function withChanges(event: UsageRecordedV1, changes: Record<string, unknown>): BookableEvent {
  const replaced = Object.keys(changes);
  return replaced.length === 0 ? { event, replaced } : { event: { ...event, ...changes }, replaced };
}

const isTooMuch = (amount: string | null): boolean => amount !== null && BigInt(amount) > AMOUNT_MAX;

type Accounts = UsageRecordedV1['accounts'];

/** Removes repeated accounts, since the ledger posts a request to an account only once. */
function bookableAccounts(accounts: Accounts): Accounts {
  const byId = new Map<string, Accounts[number]>();
  for (const account of accounts) {
    const accountId = asLedgerText(account.accountId);
    const capNanoUsd = isTooMuch(account.capNanoUsd) ? AMOUNT_MAX.toString() : account.capNanoUsd;
    const isBookable = accountId === account.accountId && capNanoUsd === account.capNanoUsd;
    if (!byId.has(accountId)) byId.set(accountId, isBookable ? account : { accountId, capNanoUsd });
  }
  const bookable = [...byId.values()];
  const isSame = bookable.length === accounts.length && bookable.every((account, at) => account === accounts[at]);
  return isSame ? accounts : bookable;
}
