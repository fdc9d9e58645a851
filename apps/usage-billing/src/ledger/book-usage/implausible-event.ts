import { cycleOfAccount, keyAccountId, kindOfAccount, limitOf, organizationAccountId } from '@tollgate/api-key';
import {
  fieldsOfKind,
  USAGE_RECORDED_V2_FIELDS as FIELDS,
  type UsageRecorded,
  type UsageRecordedV2,
} from '@tollgate/contracts';
import { CAP_NANO_USD_MAX, CLOCKS_APART_MS_MAX } from '@tollgate/credit';
import { utcDay } from '../../store/utc-day.js';
import { PLATFORM } from '../account.js';

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

const MINUTE_MS = 60_000;
/**
 * 9,000,000 USD, in nano-USD: no account holds more in a cycle, and gateways charge no call more. Sums of a thousand
 * such charges still fit into a `bigint` of Postgres.
 */
export const CHARGE_MAX = CAP_NANO_USD_MAX;
/**
 * The most that one event may count of anything: a hundred times what a gateway believes of a provider's report. Sums
 * of millions of such counts still fit.
 */
export const COUNT_MAX = 1_000_000_000;
/** The most accounts and groups that one event may name, and the most characters of its names of models and routes. */
export const ENTRIES_MAX = 1_000;
const CHARACTERS_MAX = 1_000;
/** A call is admitted within this time after it began: its body has come, and its credit was loaded. */
export const ADMITTED_WITHIN_MS_MAX = 3 * 60 * MINUTE_MS;
/** No status of HTTP has more than three digits. */
const STATUS_MAX = 999;

/** All counts of an event. */
const COUNTS = fieldsOfKind(FIELDS, 'count', 'countOrNull').filter((name) => name !== 'journalNumber');

/**
 * The first thing in which an event contradicts itself, or which no call can be; null if there is none: one absurd
 * charge would make sums fail. It is asked before anything in the event is replaced. An absurd cost alone is none: a
 * gateway passes on what a provider reported, and charges what it believes of it.
 */
export function contradiction(event: UsageRecorded): EventFault | null {
  if (isAbove(event.chargeNanoUsd)) return { field: 'chargeNanoUsd', reason: `must be at most ${CHARGE_MAX}` };
  const fields = event as Partial<UsageRecordedV2>;
  for (const field of COUNTS)
    if ((fields[field] ?? 0) > COUNT_MAX) return { field, reason: `must be at most ${COUNT_MAX}` };
  for (const field of ['route', 'provider', 'model', 'priceVersion'] as const)
    if (event[field].length > CHARACTERS_MAX)
      return { field, reason: `must have at most ${CHARACTERS_MAX} characters` };
  if (event.accounts.length > ENTRIES_MAX) return { field: 'accounts', reason: `must be at most ${ENTRIES_MAX}` };
  if ((fields.groupIds?.length ?? 0) > ENTRIES_MAX)
    return { field: 'groupIds', reason: `must be at most ${ENTRIES_MAX}` };
  if (event.cachedInputTokens > event.inputTokens)
    return { field: 'cachedInputTokens', reason: 'must be at most inputTokens' };
  if (event.reasoningTokens > event.outputTokens)
    return { field: 'reasoningTokens', reason: 'must be at most outputTokens' };
  return foreignAccount(event) ?? (event.eventVersion === 2 ? contradictionInFacts(event) : null);
}

/** The first account that is of another key, group, project or organisation than the event says of its call. */
function foreignAccount(event: UsageRecorded): EventFault | null {
  for (const [at, { accountId }] of event.accounts.entries()) {
    const whose = otherOwner(accountId, event);
    if (whose !== null) return { field: `accounts[${at}].accountId`, reason: `must be an account of ${whose}` };
  }
  return null;
}

/**
 * The field of the event that names another owner than the id of an account; null where it names the same, or the event
 * does not tell: it says of no grant and of no subscription whose they are, and version 1 says no groups.
 */
function otherOwner(accountId: string, event: UsageRecorded): string | null {
  const { projectId = null, groupIds = null, routeGroupId, otherRouteGroupIds } = event as Partial<UsageRecordedV2>;
  switch (kindOfAccount(accountId)) {
    case 'key':
      return isOf(accountId, keyAccountId(event.apiKeyId)) ? null : 'apiKeyId';
    case 'organization':
      return isOf(accountId, organizationAccountId(event.organizationId)) ? null : 'organizationId';
    case 'project':
      return projectId === null || isOf(accountId, `project:${projectId}`) ? null : 'projectId';
    case 'group': {
      if (groupIds === null) return null;
      const known = [...groupIds, routeGroupId ?? null, ...(otherRouteGroupIds ?? [])];
      return known.some((id) => id !== null && isOf(accountId, `group:${id}`)) ? null : 'groupIds';
    }
    case 'grant':
    case 'subscription':
    case 'payg':
      return null;
    case null:
      return accountId === PLATFORM ? 'organizationId' : null;
  }
}

/** Whether an account is of a limit, in whatever cycle. */
const isOf = (accountId: string, limitId: string): boolean =>
  accountId === limitId || (accountId.startsWith(limitId) && limitOf(accountId) === limitId);

/** The classes of each side, besides reasoning. */
const INPUT = [
  'textInputTokens',
  'audioInputTokens',
  'imageInputTokens',
  'cachedTextTokens',
  'cachedAudioTokens',
  'cacheWrite5mTokens',
  'cacheWrite1hTokens',
] as const;
const OUTPUT = ['textOutputTokens', 'audioOutputTokens', 'imageOutputTokens'] as const;

function contradictionInFacts(event: UsageRecordedV2): EventFault | null {
  for (const field of INPUT)
    if (event[field] > event.inputTokens) return { field, reason: 'must be at most inputTokens' };
  for (const field of OUTPUT)
    if (event[field] > event.outputTokens) return { field, reason: 'must be at most outputTokens' };
  if (event.toolCalls.some(({ calls }) => calls > COUNT_MAX))
    return { field: 'toolCalls', reason: `must have counts of at most ${COUNT_MAX}` };
  if (event.passes.some((pass) => [...INPUT, ...OUTPUT].some((name) => pass[name] > COUNT_MAX)))
    return { field: 'passes', reason: `must have counts of at most ${COUNT_MAX}` };
  if ((event.statusCode ?? 0) > STATUS_MAX) return { field: 'statusCode', reason: `must be at most ${STATUS_MAX}` };
  if (event.priceLines.length > 0 && sumOfLines(event) !== BigInt(event.costNanoUsd))
    return { field: 'priceLines', reason: 'must add up to costNanoUsd' };
  return null;
}

/** Most amounts are small: below fifteen digits whole numbers add up exactly, and much faster than bigints. */
function sumOfLines({ priceLines }: UsageRecordedV2): bigint {
  let small = 0;
  let sum = 0n;
  for (const { nanoUsd } of priceLines) {
    if (nanoUsd.length < 15 && small < 1e15) small += Number(nanoUsd);
    else sum += BigInt(nanoUsd);
  }
  return sum + BigInt(small);
}

/**
 * The first thing in an event that cannot be true at this time; null if there is none. Such an event must not reach the
 * ledger: a far future time would stay the last use of its key for good, and the cycle of its first account decides in
 * which month it counts.
 */
export function implausible(event: UsageRecorded, { fromMs, nowMs }: EventWindow): EventFault | null {
  const latestMs = nowMs + CLOCKS_APART_MS_MAX;
  const [startMs, endMs] = [Date.parse(event.startedAt), Date.parse(event.endedAt)];
  const madeMs = momentOfId(event.requestId);
  const moments = [
    ['startedAt', startMs],
    ['endedAt', endMs],
    ...(madeMs === null ? [] : [['requestId', madeMs] as const]),
  ] as const;
  for (const [field, ms] of moments) {
    if (!(ms <= latestMs))
      return { field, reason: `must not be more than ${CLOCKS_APART_MS_MAX / MINUTE_MS} minutes ahead` };
    if (ms < fromMs) return { field, reason: `must not be before ${utcDay(fromMs)}, the oldest month that is kept` };
  }
  return faultOfCycles(event, startMs, Math.max(startMs, Math.min(endMs, startMs + ADMITTED_WITHIN_MS_MAX)));
}

/**
 * The first account that is of another time than the call. Admission has chosen its cycle between the start of the call
 * and `admittedMs`, by a clock of its own.
 */
function faultOfCycles({ accounts }: UsageRecorded, startMs: number, admittedMs: number): EventFault | null {
  for (const [at, { accountId }] of accounts.entries()) {
    const cycle = cycleOfAccount(accountId);
    const field = `accounts[${at}].accountId`;
    if (cycle.reset === 'never') {
      if (limitOf(accountId) !== accountId) return { field, reason: 'must name a cycle that there is, or none' };
    } else if (cycle.startMs > admittedMs + CLOCKS_APART_MS_MAX || cycle.endMs <= startMs - CLOCKS_APART_MS_MAX)
      return { field, reason: 'must be of the cycle that the call was in' };
  }
  return null;
}

/** The moment in which a UUIDv7 was made; null for an id of another version. Partitions of events follow from it. */
export function momentOfId(requestId: string): number | null {
  return requestId[14] === '7' ? Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16) : null;
}

const isAbove = (amount: string): boolean => amount.length >= 16 && BigInt(amount) > CHARGE_MAX;

/** The first moment, in UTC, of the month that is `months` before the one of `nowMs`. */
export function monthsBefore(nowMs: number, months: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months);
}
