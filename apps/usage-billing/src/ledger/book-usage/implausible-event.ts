import type { UsageRecorded } from '@tollgate/contracts';

/** Why an event that can be read is not booked. The reason names a field and a bound, never a value. */
export interface EventFault {
  readonly field: string;
  readonly reason: string;
}

/** The moments between which an event can lie, in milliseconds since 1970. */
export interface EventWindow {
  /** The first moment of the oldest month whose events are kept. */
  readonly fromMs: number;
  readonly nowMs: number;
}

/** How far the clock of a gateway may be ahead. */
const AHEAD_MS = 24 * 3_600_000;
/**
 * 9,000,000 USD, in nano-USD: no account holds more in a cycle, so one call cannot cost it. Sums of a thousand such
 * charges still fit into a `bigint` of Postgres.
 */
export const CHARGE_MAX = 9_000_000_000_000_000n;

/**
 * The first thing in an event that cannot be true; null if there is none. Such an event must not reach the ledger: a
 * far future time would stay the last use of its key for good, and one absurd charge would make sums fail.
 */
export function implausible(event: UsageRecorded, { fromMs, nowMs }: EventWindow): EventFault | null {
  const madeMs = momentOfId(event.requestId);
  const moments = [
    ['startedAt', Date.parse(event.startedAt)],
    ['endedAt', Date.parse(event.endedAt)],
    ...(madeMs === null ? [] : [['requestId', madeMs] as const]),
  ] as const;
  for (const [field, ms] of moments) {
    if (!(ms <= nowMs + AHEAD_MS)) return { field, reason: 'must not be more than a day ahead' };
    if (ms < fromMs) return { field, reason: `must not be before ${dayOf(fromMs)}, the oldest month that is kept` };
  }
  if (isAbove(event.chargeNanoUsd)) return { field: 'chargeNanoUsd', reason: `must be at most ${CHARGE_MAX}` };
  if (event.eventVersion === 2 && event.priceLines.length > 0 && sumOfLines(event) !== BigInt(event.costNanoUsd))
    return { field: 'priceLines', reason: 'must add up to costNanoUsd' };
  return null;
}

/** The moment in which a UUIDv7 was made; null for an id of another version. Partitions of events follow from it. */
function momentOfId(requestId: string): number | null {
  return requestId[14] === '7' ? Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16) : null;
}

const isAbove = (amount: string): boolean => amount.length >= 16 && BigInt(amount) > CHARGE_MAX;

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Most amounts are small: below fifteen digits whole numbers add up exactly, and much faster than bigints. */
function sumOfLines({ priceLines }: UsageRecorded & { eventVersion: 2 }): bigint {
  let small = 0;
  let sum = 0n;
  for (const { nanoUsd } of priceLines) {
    if (nanoUsd.length < 15 && small < 1e15) small += Number(nanoUsd);
    else sum += BigInt(nanoUsd);
  }
  return sum + BigInt(small);
}

/** The first moment, in UTC, of the month that is `months` before the one of `nowMs`. */
export function monthsBefore(nowMs: number, months: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months);
}
