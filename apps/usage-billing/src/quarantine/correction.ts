import { createHash } from 'node:crypto';
import type { UsageRecorded, UsageRecordedV1 } from '@tollgate/contracts';

/** What is booked of a request. Amounts are in nano-USD. */
export interface BookedUsage {
  readonly apiKeyId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
  readonly chargeNanoUsd: bigint;
}

/**
 * The event that books what a second content of a request has more than the booked one. What is booked never changes,
 * so it is an event of its own, with a request id that follows from `seed`. It has no hold: what it charges is told to
 * admission. Grants are left out, since nothing was held on them for it. Null if the second content charges less:
 * the ledger takes nothing back, and the operator gives credit instead.
 */
export function correctionOf(booked: BookedUsage, second: UsageRecorded, seed: string): UsageRecordedV1 | null {
  const isOfAnother = booked.apiKeyId !== second.apiKeyId;
  const before = isOfAnother ? NOTHING : booked;
  const chargeNanoUsd = BigInt(second.chargeNanoUsd) - before.chargeNanoUsd;
  if (chargeNanoUsd < 0n) return null;
  const more = (name: 'inputTokens' | 'outputTokens' | 'cachedInputTokens' | 'reasoningTokens'): number =>
    Math.max(0, second[name] - before[name]);
  const costMore = BigInt(second.costNanoUsd) - before.costNanoUsd;
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

const NOTHING: Omit<BookedUsage, 'apiKeyId'> = {
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  costNanoUsd: 0n,
  chargeNanoUsd: 0n,
};

/** An id of the same moment, and so of the same month, as a request's. */
function derivedId(requestId: string, seed: string): string {
  const hex = createHash('sha256').update(`correction ${requestId} ${seed}`).digest('hex');
  return `${requestId.slice(0, 15)}${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
}
