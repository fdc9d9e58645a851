import { createHash } from 'node:crypto';
import type { UsageRecorded, UsageRecordedV1 } from '@tollgate/contracts';

/** What is booked of a request for one key, by its event and by corrections. Amounts are in nano-USD. */
export interface BookedUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
  readonly chargeNanoUsd: bigint;
}

/**
 * The event that books what a second content of a request has more than is booked for its key. What is booked never
 * changes, so it is an event of its own, with a request id that follows from `seed`. It has no hold: what it charges is
 * told to admission. Grants are left out, since nothing was held on them for it. Null if the second content charges
 * less: the ledger takes nothing back, and the operator gives credit instead.
 */
export function correctionOf(booked: BookedUsage, second: UsageRecorded, seed: string): UsageRecordedV1 | null {
  const chargeNanoUsd = BigInt(second.chargeNanoUsd) - booked.chargeNanoUsd;
  if (chargeNanoUsd < 0n) return null;
  const more = (name: 'inputTokens' | 'outputTokens' | 'cachedInputTokens' | 'reasoningTokens'): number =>
    Math.max(0, second[name] - booked[name]);
  const costMore = BigInt(second.costNanoUsd) - booked.costNanoUsd;
  return {
    eventVersion: 1,
    requestId: derivedId(second.requestId, seed),
    organizationId: second.organizationId,
    apiKeyId: second.apiKeyId,
    journalId: 'quarantine',
    journalNumber: 1,
    outcome: second.outcome,
    route: second.route,
    provider: second.provider,
    model: second.model,
    stream: second.stream,
    inputTokens: more('inputTokens'),
    outputTokens: more('outputTokens'),
    cachedInputTokens: more('cachedInputTokens'),
    reasoningTokens: more('reasoningTokens'),
    usageSource: second.usageSource,
    costNanoUsd: String(costMore > chargeNanoUsd ? costMore : chargeNanoUsd),
    chargeNanoUsd: String(chargeNanoUsd),
    holdNanoUsd: null,
    accounts: second.accounts
      .filter(({ accountId }) => !accountId.startsWith('grant:'))
      .map(({ accountId, capNanoUsd }) => ({ accountId, capNanoUsd })),
    priceVersion: second.priceVersion,
    startedAt: second.startedAt,
    endedAt: second.endedAt,
    clientAddress: second.clientAddress,
    ...((second.secretId ?? null) !== null && { secretId: second.secretId! }),
  };
}

/** An id of the same moment, and so of the same month, as a request's. */
function derivedId(requestId: string, seed: string): string {
  return idOf(requestId.slice(0, 13), `correction ${requestId} ${seed}`, requestId.slice(14, 15));
}

/** The id under which a request is booked whose own id is of a moment that it cannot have been made in. */
export function movedId(requestId: string, startMs: number): string {
  const hex = startMs.toString(16).padStart(12, '0');
  return idOf(`${hex.slice(0, 8)}-${hex.slice(8)}`, `moved ${requestId}`, '7');
}

/** An id of a version with these first twelve digits; the others follow from `seed`. */
function idOf(beginning: string, seed: string, version: string): string {
  const hex = createHash('sha256').update(seed).digest('hex');
  return `${beginning}-${version}${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}
