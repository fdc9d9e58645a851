import { isDeepStrictEqual } from 'node:util';
import {
  USAGE_RECORDED_V1_FIELDS,
  USAGE_RECORDED_V2_FIELDS,
  type FieldKind,
  type UsageRecorded,
  type UsageRecordedV2,
} from '@tollgate/contracts';
import type { EntityManager } from 'typeorm';
import { countedGroupIds } from './accounts-in-force.js';
import { plainestEvent } from './bookable-event.js';
import { columnName } from './column-name.js';

/** A field that two contents of one request have differently. */
export interface Difference {
  readonly field: string;
  /** What is booked. */
  readonly first: unknown;
  /** What the event says that came later. */
  readonly second: unknown;
}

/** An event whose request is booked with another content. */
export interface Conflict {
  readonly event: UsageRecorded;
  readonly difference: readonly Difference[];
}

type FieldName = keyof typeof USAGE_RECORDED_V2_FIELDS;
/** A booked event by the names of its columns. Those that begin with `fact_` are of `billing.usage_event_facts`. */
export type BookedRow = Readonly<Record<string, unknown>>;

/** Which process wrote an event, and under which number, is no part of what it says of the request. */
const OF_THE_JOURNAL: ReadonlySet<string> = new Set(['eventVersion', 'requestId', 'journalId', 'journalNumber']);
const FIRST = Object.keys(USAGE_RECORDED_V1_FIELDS).filter((name) => !OF_THE_JOURNAL.has(name)) as FieldName[];
const SECOND = Object.keys(USAGE_RECORDED_V2_FIELDS).filter((name) => !OF_THE_JOURNAL.has(name)) as FieldName[];
/** What version 2 has and version 1 has not. */
const FACTS = SECOND.filter((name) => !(name in USAGE_RECORDED_V1_FIELDS));

/** A final takes the place of an orphan's event, unless it is of another key. */
const OF_THE_CALLER: readonly FieldName[] = ['organizationId', 'apiKeyId'];

/**
 * The fields in which an event differs from what is booked of its request. None where it came again; where it was made
 * for an orphan, whose call nobody saw end, and the final is booked. Of two versions, of which the second only adds
 * what the first does not have, what both have is compared, and the facts if they were told.
 */
export function differences(booked: BookedRow, event: UsageRecorded): readonly Difference[] {
  if (booked['outcome'] !== 'orphaned' && event.outcome === 'orphaned') return [];
  if (booked['outcome'] === 'orphaned' && event.outcome !== 'orphaned')
    return differing(booked, event, OF_THE_CALLER, '');
  const version = booked['text_input_tokens'] === null ? 1 : 2;
  const hasFacts = version === 1 && (booked['fact_text_input_tokens'] ?? null) !== null;
  if (version === event.eventVersion) return differing(booked, event, version === 1 ? FIRST : SECOND, '');
  return [
    ...differing(booked, event, FIRST, '').filter(isOfBoth),
    ...(event.eventVersion === 2 && hasFacts ? differing(booked, event, FACTS, 'fact_') : []),
  ];
}

/** Whether a difference between two versions is one of contents: a version may say less of the same call. */
function isOfBoth({ field, first, second }: Difference): boolean {
  if (field === 'secretId') return first !== null && second !== null;
  return field !== 'accounts' || !isDeepStrictEqual(accountsOfFirst(first), accountsOfFirst(second));
}

/** Accounts as version 1 has them. */
const accountsOfFirst = (accounts: unknown): unknown =>
  (accounts as UsageRecorded['accounts']).map(({ accountId, capNanoUsd }) => ({ accountId, capNanoUsd }));

function differing(booked: BookedRow, event: UsageRecorded, names: readonly FieldName[], prefix: string): Difference[] {
  const fields = event as Partial<UsageRecordedV2>;
  const plainest = plainestEvent(event)?.event as Partial<UsageRecordedV2> | undefined;
  return names.flatMap((name): Difference[] => {
    const { kind } = USAGE_RECORDED_V2_FIELDS[name];
    // What the ledger decided to charge may be less than what the event says.
    const column = name === 'chargeNanoUsd' ? 'told_charge_nano_usd' : prefix + columnName(name);
    const first = plain(booked[column], kind);
    const second = plain(fields[name], kind);
    if (first === null && NOT_KEPT.has(name)) return [];
    // Of a deleted organisation it was erased.
    if (first === '' && name === 'clientAddress') return [];
    const isSame = isDeepStrictEqual(first, second) || isDeepStrictEqual(first, plain(plainest?.[name], kind));
    // Of the groups of a key those are booked for which the call counts. The release before booked all.
    if (isSame || (name === 'groupIds' && isDeepStrictEqual(first, plain(countedGroupIds(event), kind)))) return [];
    return [{ field: name, first, second }];
  });
}

/** What releases before did not keep of the events that they booked. */
const NOT_KEPT: ReadonlySet<FieldName> = new Set(['chargeNanoUsd', 'otherRouteGroupIds']);

const NUMBERS: ReadonlySet<FieldKind> = new Set(['count', 'countOrNull', 'amount', 'amountOrNull']);

/** A value of a field in one form, whether it comes from a column or from JSON. */
function plain(value: unknown, kind: FieldKind): unknown {
  if (value === undefined || value === null) return null;
  if (NUMBERS.has(kind)) return String(value as string | number);
  return kind === 'moment' ? new Date(value as string | Date).toISOString() : value;
}

const EVENT_AND_FACTS = [
  ...SECOND.map((name) => `e.${columnName(name)}`),
  ...FACTS.map((name) => `f.${columnName(name)} AS fact_${columnName(name)}`),
].join(', ');

/** Finds which of these events, all of booked requests, say something else than is booked. */
export async function findConflicts(manager: EntityManager, events: readonly UsageRecorded[]): Promise<Conflict[]> {
  if (events.length === 0) return [];
  const rows = await readBooked(manager, [...new Set(events.map(({ requestId }) => requestId.toLowerCase()))]);
  const byId = new Map(rows.map((row) => [row['request_id'] as string, row]));
  return events.flatMap((event): Conflict[] => {
    const booked = byId.get(event.requestId.toLowerCase());
    const difference = booked === undefined ? [] : differences(booked, event);
    return difference.length === 0 ? [] : [{ event, difference }];
  });
}

/** Indexes: usage_event_pk, usage_event_facts_pk. */
export async function readBooked(manager: EntityManager, requestIds: readonly string[]): Promise<BookedRow[]> {
  return manager.query(
    `SELECT e.request_id, e.told_charge_nano_usd, ${EVENT_AND_FACTS}
     FROM billing.usage_event AS e LEFT JOIN billing.usage_event_facts AS f USING (request_id)
     WHERE e.request_id = ANY($1::uuid[])`,
    [requestIds],
  );
}
