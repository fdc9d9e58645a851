import { z } from 'zod';
import { count, id, instant, nanoUsd } from '../primitives.js';
import { eventSchema, field, optionalField } from './event-fields.js';

/** Bus topic; key `organizationId`; from a gateway, exactly one for each request that reached a provider. */
export const USAGE_RECORDED_V1 = 'usage.recorded.v1';

/** How a request that reached a provider can end. */
export const USAGE_OUTCOMES = [
  'completed',
  'provider_refused',
  'provider_failed',
  'provider_interrupted',
  'client_left',
  'revoked',
  'orphaned',
] as const;

/**
 * The fields of the event. All that handles an event follows from this table: its schema, the text that a gateway
 * writes, what the journal's intent has before the call and what recovery adds, the columns of the ledger.
 */
export const USAGE_RECORDED_V1_FIELDS = {
  eventVersion: field('gateway', 'version', z.literal(1)),
  requestId: field('request', 'uuid', z.uuid()),
  organizationId: field('key', 'id', id),
  apiKeyId: field('key', 'id', id),
  /** The journal the record was written to, and its number there: numbers of one journal grow by one. */
  journalId: field('gateway', 'id', id),
  journalNumber: field('end', 'count', z.int().positive()),
  outcome: field('end', 'word', z.enum(USAGE_OUTCOMES)),
  route: field('target', 'text', z.string()),
  provider: field('target', 'text', z.string()),
  model: field('target', 'text', z.string()),
  stream: field('request', 'flag', z.boolean()),
  inputTokens: field('end', 'count', count),
  outputTokens: field('end', 'count', count),
  cachedInputTokens: field('end', 'count', count),
  reasoningTokens: field('end', 'count', count),
  /** Who counted: the provider's report, the gateway from what was delivered, or nobody (nothing is owed). */
  usageSource: field('end', 'word', z.enum(['provider', 'counted', 'none'])),
  /** What the usage costs by the price book. */
  costNanoUsd: field('end', 'amount', nanoUsd),
  /** What the customer pays: the cost, at most the hold where there is one. */
  chargeNanoUsd: field('end', 'amount', nanoUsd),
  /** The credit that was held; null for a key without a cap. */
  holdNanoUsd: field('request', 'amountOrNull', nanoUsd.nullable()),
  /** Where the charge is posted; the key's own account first. A null cap is unlimited. */
  accounts: field('key', 'json', z.array(z.object({ accountId: id, capNanoUsd: nanoUsd.nullable() })).min(1)),
  priceVersion: field('gateway', 'text', z.string()),
  startedAt: field('request', 'moment', instant),
  endedAt: field('end', 'moment', instant),
  /** Where the request came from; empty when unknown. */
  clientAddress: field('request', 'text', z.string()),
  /** The secret of the key that was used. Events of releases before 2026-12 have none. */
  secretId: optionalField('key', 'id', id),
} as const;

/** Reads an event of `usage.recorded.v1`. Unknown fields are ignored. */
export const usageRecordedV1 = eventSchema(USAGE_RECORDED_V1_FIELDS);
/** The usage of one request, as `usage.recorded.v1` carries it. */
export type UsageRecordedV1 = z.infer<typeof usageRecordedV1>;
