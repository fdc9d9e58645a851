import { COMPARED_SUMS, EVENT_BOOKS, type Book, type ComparedSum, type DeletedUnit } from './usage-books.js';

/** Times are in milliseconds since 1970, without the end. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The sums of one book in one step of the time that was read. What it does not say is null. */
export type BookRow = Readonly<Record<ComparedSum, string | null>> & {
  readonly book: string;
  readonly start: Date;
  /** Before when rows are deleted, as JSON has it; null if nothing is. */
  readonly deleted: Partial<Record<DeletedUnit, string>> | null;
};

/** What was wrong: single events, the charges of events in the ledger, or sums that are read as usage. */
export type UsagePlace = 'event' | 'transfers' | 'usage';

/** A book that says other than most others of a time. Amounts are nano-USD. */
export interface UsageDifference extends Span {
  readonly book: string;
  /** The sums that differ. */
  readonly sums: readonly ComparedSum[];
  /** What most books say, and what this one does; null for requests, where it does not count these. */
  readonly requests: bigint;
  readonly hasRequests: bigint | null;
  readonly chargeNanoUsd: bigint;
  readonly hasChargeNanoUsd: bigint;
  /** What the events say, and their transfers; null where these were not read. */
  readonly eventsNanoUsd: bigint | null;
  readonly transfersNanoUsd: bigint | null;
}

/** Where a book is wrong. */
export function placeOf(book: string): UsagePlace {
  if (book === 'transfer') return 'transfers';
  return book === 'usage_event' ? 'event' : 'usage';
}

const DAY_MS = 86_400_000;
/** Costs are cut here when they are summed up: beyond it, sums of sums say nothing. */
const COST_MAX = 9_000_000_000_000_000_000n;

/**
 * Whether a book has all of a time. Rows are deleted a while after they are noted as deleted by this release, and
 * before that by one that deletes without a note; and the event of a call is in the month of its request id, which was
 * made a moment before the call began. So the day after what is deleted is not compared.
 */
export function isKept({ deletedAs }: Pick<Book, 'deletedAs'>, fromMs: number, deleted: BookRow['deleted']): boolean {
  const before = deletedAs === null ? undefined : deleted?.[deletedAs];
  return before === undefined || fromMs >= Date.parse(before) + DAY_MS;
}

type Sums = Readonly<Record<ComparedSum, bigint | null>>;

/**
 * The books that differ in a step of `stepMs`, in each step that was read. What most of them say is right; of two sums
 * that as many say, the one that is said by the first of `books`.
 */
export function usageDifferences(
  rows: readonly BookRow[],
  books: readonly Book[],
  stepMs: number,
): readonly UsageDifference[] {
  const steps = new Map<number, BookRow[]>();
  for (const row of rows) steps.set(row.start.getTime(), [...(steps.get(row.start.getTime()) ?? []), row]);
  return [...steps].flatMap(([fromMs, ofStep]) => differencesOf(ofStep, books, { fromMs, toMs: fromMs + stepMs }));
}

function differencesOf(rows: readonly BookRow[], books: readonly Book[], span: Span): readonly UsageDifference[] {
  const deleted = rows[0]?.deleted ?? null;
  const kept = books.filter((book) => isKept(book, span.fromMs, deleted)).map(({ name }) => name);
  const rowOf = new Map(rows.map((row) => [row.book, row]));
  const like = new Map(kept.map((name): [string, Sums] => [name, sumsOf(name, rowOf.get(name))]));
  const agreed = Object.fromEntries(
    COMPARED_SUMS.map((sum) => [sum, mostSaid([...like.values()].flatMap((sums) => sums[sum] ?? []))]),
  ) as Record<ComparedSum, bigint>;
  const charge = (book: string): bigint | null => like.get(book)?.charge_nano_usd ?? null;
  return [...like].flatMap(([book, has]) => {
    // Transfers are those of the events: what is missing with an event is not missing twice.
    if (book === 'transfer' && has.charge_nano_usd === charge('usage_event')) return [];
    const differing = COMPARED_SUMS.filter((sum) => has[sum] !== null && has[sum] !== agreed[sum]);
    const sums = differing.filter((sum) => sum !== 'cost_nano_usd' || areWhole(has[sum]!, agreed[sum]));
    if (sums.length === 0) return [];
    return [
      {
        ...span,
        book,
        sums,
        requests: agreed.requests,
        hasRequests: has.requests,
        chargeNanoUsd: agreed.charge_nano_usd,
        hasChargeNanoUsd: has.charge_nano_usd!,
        eventsNanoUsd: charge('usage_event'),
        transfersNanoUsd: charge('transfer'),
      },
    ];
  });
}

const areWhole = (...costs: readonly bigint[]): boolean => costs.every((cost) => cost < COST_MAX);

/** The sums that books do not have. */
const WITHOUT: Readonly<Record<string, readonly ComparedSum[]>> = {
  key_usage_day: ['input_tokens', 'output_tokens', 'cost_nano_usd'],
  transfer: ['requests', 'input_tokens', 'output_tokens', 'cost_nano_usd'],
};

/** A book without a row says that there was nothing. */
function sumsOf(book: string, row: BookRow | undefined): Sums {
  const without = WITHOUT[book] ?? [];
  return Object.fromEntries(
    COMPARED_SUMS.map((sum) => [sum, without.includes(sum) ? null : BigInt(row?.[sum] ?? 0)]),
  ) as Sums;
}

function mostSaid(said: readonly bigint[]): bigint {
  const times = new Map<bigint, number>();
  for (const each of said) times.set(each, (times.get(each) ?? 0) + 1);
  let [most, count] = [0n, 0];
  for (const [each, n] of times) if (n > count) [most, count] = [each, n];
  return most;
}

/** The names of the books of events: they are compared with a day, or in parts of it. */
export const EVENT_BOOK_NAMES: readonly string[] = EVENT_BOOKS.map(({ name }) => name);

/** Quarters of an hour that are counted together, with how many events they have. */
export interface Part extends Span {
  readonly events: number;
}

/**
 * Divides a day into parts of at most `eventsMax` events; a quarter of an hour is never divided. The parts have no gap:
 * also where no quarter is known there may be events.
 */
export function partsOf(
  { fromMs, toMs }: Span,
  quarters: readonly { readonly atMs: number; readonly events: number }[],
  eventsMax: number,
): readonly Part[] {
  const parts: Part[] = [];
  let [start, events] = [fromMs, 0];
  for (const quarter of quarters) {
    if (quarter.atMs > start && events > 0 && events + quarter.events > eventsMax) {
      parts.push({ fromMs: start, toMs: quarter.atMs, events });
      [start, events] = [quarter.atMs, 0];
    }
    events += quarter.events;
  }
  return [...parts, { fromMs: start, toMs, events }];
}
