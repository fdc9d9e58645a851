import {
  asLedgerText,
  fieldsOfKind,
  USAGE_RECORDED_V2_FIELDS as FIELDS,
  type FieldsOfKind,
  type UsageRecorded,
  type UsageRecordedV2,
} from '@tollgate/contracts';
import { CHARGE_MAX } from './implausible-event.js';

/** An event that the database can store, and the names of the fields in which something had to be replaced. */
export interface BookableEvent {
  readonly event: UsageRecorded;
  readonly replaced: readonly string[];
}

/** Descriptive texts: no look-up and no charge depends on them. */
const WORDS = fieldsOfKind(FIELDS, 'text', 'textOrNull');
/** All texts of an event whose form is not fixed, except the ids of its accounts. */
export const TEXTS: readonly FieldsOfKind<typeof FIELDS, 'id' | 'idOrNull' | 'text' | 'textOrNull'>[] = fieldsOfKind(
  FIELDS,
  'id',
  'idOrNull',
  'text',
  'textOrNull',
);
/** Values with a structure, whose texts are replaced as well. Accounts have a rule of their own. */
const STRUCTURES = fieldsOfKind(FIELDS, 'json', 'jsonOrNull', 'jsonText').filter((name) => name !== 'accounts');
/** All amounts of an event, except those of its accounts. */
const AMOUNTS = fieldsOfKind(FIELDS, 'amount', 'amountOrNull');

/** Nine billion USD. A `bigint` of Postgres holds about 2 % more, which leaves room to add to a sum. */
export const SUM_MAX = 9_000_000_000_000_000_000n;

/**
 * Replaces everything in an event that Postgres cannot store: the request was served, so its charge is owed whatever
 * its texts contain. Today's gateways refuse such texts, but earlier releases did not, and the bus checks nothing.
 * `hasOnlyLedgerTexts` spares looking at each text where it is known that all of them can be stored.
 */
export function bookableEvent(event: UsageRecorded, hasOnlyLedgerTexts = false): BookableEvent {
  const changes: Record<string, unknown> = hasOnlyLedgerTexts ? {} : bookableTexts(event);
  const fields = event as Partial<UsageRecordedV2>;
  // What is charged is owed: an absurd charge is not made smaller, `implausible` keeps its event out of the ledger.
  if (!isAbove(event.chargeNanoUsd, CHARGE_MAX)) {
    for (const name of AMOUNTS) if (isAbove(fields[name] ?? null, CHARGE_MAX)) changes[name] = CHARGE_MAX.toString();
  }
  // The lines of a cost that was cut do not add up to it.
  if ('costNanoUsd' in changes && 'priceLines' in event) changes['priceLines'] = [];
  const accounts = bookableAccounts(event.accounts);
  if (accounts !== event.accounts) changes['accounts'] = accounts;
  return withChanges(event, changes);
}

/** Other texts for those that the ledger cannot store, by the names of their fields. */
function bookableTexts(event: UsageRecorded): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  const fields = event as Partial<UsageRecordedV2>;
  for (const name of TEXTS) {
    const given = fields[name] ?? null;
    if (given === null) continue;
    const text = asLedgerText(given);
    if (text !== given) changes[name] = text;
  }
  for (const name of STRUCTURES) {
    const given = fields[name] ?? null;
    const bookable = bookableStructure(given);
    if (bookable !== given) changes[name] = bookable;
  }
  return changes;
}

/**
 * Reduces the descriptive texts to at most 200 characters of printable ASCII, for a database that refuses the event
 * anyway, for example because its encoding is not UTF-8. Null if that changes nothing.
 */
export function plainestEvent(event: UsageRecorded): BookableEvent | null {
  const changes: Record<string, unknown> = {};
  const fields = event as Partial<UsageRecordedV2>;
  for (const name of WORDS) {
    const given = fields[name] ?? null;
    if (given === null) continue;
    const text = given.replaceAll(/[^ -~]/gu, '?').slice(0, 200);
    if (text !== given) changes[name] = text;
  }
  for (const name of STRUCTURES) if ((fields[name] ?? null) !== null && !isPlain(fields[name])) changes[name] = [];
  return Object.keys(changes).length === 0 ? null : withChanges(event, changes);
}

function withChanges(event: UsageRecorded, changes: Record<string, unknown>): BookableEvent {
  const replaced = Object.keys(changes);
  return replaced.length === 0 ? { event, replaced } : { event: { ...event, ...changes } as UsageRecorded, replaced };
}

const isAbove = (amount: string | null, most: bigint): boolean =>
  amount !== null && amount.length >= 16 && BigInt(amount) > most;

/** A structure whose texts the ledger can hold; the same object if it is one already. */
function bookableStructure(value: unknown): unknown {
  const text = JSON.stringify(value);
  const bookable = JSON.stringify(value, (_name, each: unknown) =>
    typeof each === 'string' ? asLedgerText(each) : each,
  );
  return text === bookable ? value : (JSON.parse(bookable) as unknown);
}

/** Whether a structure is of printable ASCII, so that a database of any encoding can hold it. */
const isPlain = (value: unknown): boolean => /^[ -~]*$/.test(JSON.stringify(value));

type Accounts = UsageRecorded['accounts'];

/** Removes repeated accounts, since the ledger posts a request to an account only once. */
function bookableAccounts(accounts: Accounts): Accounts {
  const byId = new Map<string, Accounts[number]>();
  for (const account of accounts) {
    const accountId = asLedgerText(account.accountId);
    const capNanoUsd = isAbove(account.capNanoUsd, SUM_MAX) ? SUM_MAX.toString() : account.capNanoUsd;
    const isBookable = accountId === account.accountId && capNanoUsd === account.capNanoUsd;
    if (!byId.has(accountId)) byId.set(accountId, isBookable ? account : { ...account, accountId, capNanoUsd });
  }
  const bookable = [...byId.values()];
  const isSame = bookable.length === accounts.length && bookable.every((account, at) => account === accounts[at]);
  return isSame ? accounts : bookable;
}
