import { z } from 'zod';
import { count, id, instant, nanoUsd } from '../primitives.js';

/** Bus topic; key `organizationId`; from a gateway, exactly one for each request that reached a provider. */
export const USAGE_RECORDED_V1 = 'usage.recorded.v1';

export const USAGE_OUTCOMES = [
  'completed',
  'provider_refused',
  'provider_failed',
  'provider_interrupted',
  'client_left',
  'revoked',
  'orphaned',
] as const;

export const usageRecordedV1 = z.object({
  eventVersion: z.literal(1),
  requestId: z.uuid(),
  organizationId: id,
  apiKeyId: id,
  /** The journal the record was written to, and its number there: numbers of one journal grow by one. */
  journalId: id,
  journalNumber: z.int().positive(),
  outcome: z.enum(USAGE_OUTCOMES),
  route: z.string(),
  provider: z.string(),
  model: z.string(),
  stream: z.boolean(),
  inputTokens: count,
  outputTokens: count,
  cachedInputTokens: count,
  reasoningTokens: count,
  /** Who counted: the provider's report, the gateway from what was delivered, or nobody (nothing is owed). */
  usageSource: z.enum(['provider', 'counted', 'none']),
  /** What the usage costs by the price book. */
  costNanoUsd: nanoUsd,
  /** What the customer pays: the cost, at most the hold where there is one. */
  chargeNanoUsd: nanoUsd,
  /** The credit that was held; null for a key without a cap. */
  holdNanoUsd: nanoUsd.nullable(),
  /** Where the charge is posted; the key's own account first. A null cap is unlimited. */
  accounts: z.array(z.object({ accountId: id, capNanoUsd: nanoUsd.nullable() })).min(1),
  priceVersion: z.string(),
  startedAt: instant,
  endedAt: instant,
  /** Where the request came from; empty when unknown. */
  clientAddress: z.string(),
});
export type UsageRecordedV1 = z.infer<typeof usageRecordedV1>;
