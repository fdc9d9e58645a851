import { largestAnswer } from './answers.js';
import { findCredit } from './find-credit.js';
import { gcraLeft, gcraTake, gcraUnder, gcraWithinWindow } from './gcra.js';
import type { AdmissionDecision, HeldPart, OpenHold, RateState, ReserveItem } from './items.js';
import { placeHold, rateOf, type KeyRate, type OrganizationState } from './organization-state.js';

/**
 * Decides about one request. If it is admitted, it takes units of the rate limits, a place among the parallel requests,
 * and credit. Everything is checked before anything is written. A request id that has an open hold is admitted again
 * without change. `nowUs` is the time of the rate limits, in microseconds; `nowMs` is that of the cycles, in
 * milliseconds since 1970.
 *
 * Invariant I1: `posted + held ≤ cap` on every account of the request, whenever one is admitted. What the ledger
 * charges without a hold may stand above a cap; then nothing is admitted.
 */
export function reserve(
  state: OrganizationState,
  item: ReserveItem,
  storeId: string,
  nowUs: number,
  nowMs = Math.floor(nowUs / 1_000),
): AdmissionDecision {
  const rate = rateOf(state, item.apiKeyId);
  keepWithinWindow(rate, item.rateLimits, nowUs);
  countByHigherLimits(rate, item.rateLimits, nowUs);
  const open = state.holds.get(item.requestId);
  if (open !== undefined) return admittedAgain(item, rateState(item, rate, nowUs), open);
  const { requestsPerMinute, tokensPerMinute, parallelRequests } = item.rateLimits;

  if (parallelRequests !== null && rate.parallel >= parallelRequests) {
    return { kind: 'rate_limited', limit: 'parallel', retryAfterMs: 1_000, rate: rateState(item, rate, nowUs) };
  }
  const requests =
    requestsPerMinute === null
      ? null
      : gcraTake(requestsAt(rate, requestsPerMinute, nowUs), requestsPerMinute, 1, nowUs);
  if (requests !== null && !requests.allowed) {
    return {
      kind: 'rate_limited',
      limit: 'requests',
      retryAfterMs: Math.ceil(requests.retryAfterUs / 1_000),
      rate: rateState(item, rate, nowUs),
    };
  }
  const tokenUnits = tokensPerMinute === null ? 0 : tokensToTake(rate, item, tokensPerMinute);
  const tokens =
    tokensPerMinute === null
      ? null
      : gcraTake(tokensAt(rate, tokensPerMinute, nowUs), tokensPerMinute, tokenUnits, nowUs);
  if (tokens !== null && !tokens.allowed) {
    return {
      kind: 'rate_limited',
      limit: 'tokens',
      retryAfterMs: Math.ceil(tokens.retryAfterUs / 1_000),
      rate: rateState(item, rate, nowUs),
    };
  }

  const credit = findCredit(state, item, storeId, nowMs);
  if (credit.kind !== 'found') return credit;

  if (requests !== null && requestsPerMinute !== null) {
    rate.requestsTatUs = requests.tatUs;
    rate.requestsLimit = requestsPerMinute;
  }
  if (tokens !== null && tokensPerMinute !== null) {
    rate.tokensTatUs = tokens.tatUs;
    rate.tokensLimit = tokensPerMinute;
  }
  const { accountIds, either, parts = [] } = credit;
  if (accountIds.length + parts.length > 0 || parallelRequests !== null || tokens !== null) {
    placeHold(state, {
      requestId: item.requestId,
      apiKeyId: item.apiKeyId,
      instanceId: item.instanceId,
      journalId: item.journalId,
      amountNanoUsd: item.amountNanoUsd,
      accountIds,
      ...(parts.length > 0 ? { parts } : {}),
      parallel: parallelRequests !== null,
      tokens: tokenUnits,
      ...(tokens !== null && item.openEnded ? { answersOf: item.openEnded.answersOf } : {}),
    });
  }
  return admitted(item, rateState(item, rate, nowUs), either, parts);
}

/** Names what is held where the request left it open: the chosen account, and the parts that stand on grants. */
function admitted(
  { grants }: ReserveItem,
  rate: RateState,
  either: string | undefined,
  parts: readonly HeldPart[],
): AdmissionDecision {
  return {
    kind: 'admitted',
    rate,
    ...(either === undefined ? {} : { either }),
    ...(grants === undefined ? {} : { parts }),
  };
}

function admittedAgain(item: ReserveItem, rate: RateState, { accountIds, parts = [] }: OpenHold): AdmissionDecision {
  const either = item.either?.find(({ accountId }) => accountIds.includes(accountId))?.accountId;
  return admitted(item, rate, either, parts);
}

/** At most the limit: a request that needs more waits for the whole limit, and is then admitted alone. */
function tokensToTake(rate: KeyRate, { tokens, openEnded }: ReserveItem, tokensPerMinute: number): number {
  const largest = openEnded ? largestAnswer(rate.answers, openEnded.answersOf) : null;
  return Math.min(openEnded && largest !== null ? openEnded.inputTokens + largest : tokens, tokensPerMinute);
}

/** A release before did not say by which limit requests count: then it is that of today. */
function keepWithinWindow(rate: KeyRate, limits: ReserveItem['rateLimits'], nowUs: number): void {
  const requestsLimit = rate.requestsLimit || limits.requestsPerMinute;
  const tokensLimit = rate.tokensLimit || limits.tokensPerMinute;
  if (requestsLimit !== null) rate.requestsTatUs = gcraWithinWindow(rate.requestsTatUs, requestsLimit, nowUs);
  if (tokensLimit !== null) rate.tokensTatUs = gcraWithinWindow(rate.tokensTatUs, tokensLimit, nowUs);
}

/** What a lower limit let through is free again by the pace of a higher one from the first call under it on. */
function countByHigherLimits(rate: KeyRate, limits: ReserveItem['rateLimits'], nowUs: number): void {
  const { requestsPerMinute, tokensPerMinute } = limits;
  if (rate.requestsLimit > 0 && requestsPerMinute !== null && requestsPerMinute > rate.requestsLimit) {
    rate.requestsTatUs = requestsAt(rate, requestsPerMinute, nowUs);
    rate.requestsLimit = requestsPerMinute;
  }
  if (rate.tokensLimit > 0 && tokensPerMinute !== null && tokensPerMinute > rate.tokensLimit) {
    rate.tokensTatUs = tokensAt(rate, tokensPerMinute, nowUs);
    rate.tokensLimit = tokensPerMinute;
  }
}

const requestsAt = (rate: KeyRate, limit: number, nowUs: number): number =>
  gcraUnder(rate.requestsTatUs, rate.requestsLimit, limit, nowUs);

const tokensAt = (rate: KeyRate, limit: number, nowUs: number): number =>
  gcraUnder(rate.tokensTatUs, rate.tokensLimit, limit, nowUs);

function rateState(item: ReserveItem, rate: KeyRate, nowUs: number): RateState {
  const { requestsPerMinute, tokensPerMinute } = item.rateLimits;
  return {
    requests:
      requestsPerMinute === null ? null : left(requestsAt(rate, requestsPerMinute, nowUs), requestsPerMinute, nowUs),
    tokens: tokensPerMinute === null ? null : left(tokensAt(rate, tokensPerMinute, nowUs), tokensPerMinute, nowUs),
  };
}

function left(tatUs: number, limit: number, nowUs: number): { limit: number; remaining: number; resetMs: number } {
  const { remaining, resetUs } = gcraLeft(tatUs, limit, nowUs);
  return { limit, remaining, resetMs: Math.ceil(resetUs / 1_000) };
}
