import { z } from 'zod';
import { count, id, instant, nanoUsd } from '../primitives.js';
import { eventSchema, field, optionalField, usualField } from './event-fields.js';
import { USAGE_OUTCOMES } from './usage-recorded.v1.js';

/**
 * Bus topic; key `organizationId`; from a gateway, exactly one for each request that reached a provider. It says what
 * `usage.recorded.v1` does, with the same charge and more facts. Where both are there for one request, they are one
 * event, and this version of it counts.
 */
export const USAGE_RECORDED_V2 = 'usage.recorded.v2';

/** The tokens of a call or of one pass, each in one class. */
const CLASSES = {
  textInputTokens: count,
  audioInputTokens: count,
  imageInputTokens: count,
  cachedTextTokens: count,
  cachedAudioTokens: count,
  cacheWrite5mTokens: count,
  cacheWrite1hTokens: count,
  textOutputTokens: count,
  reasoningTokens: count,
  audioOutputTokens: count,
  imageOutputTokens: count,
} as const;

/** A pass that the totals leave out: of the same model (null), as a compaction, or of another one, as an advisor. */
const pass = z.object({ kind: z.string(), model: z.string().nullable(), ...CLASSES });

/** A class of tokens, or calls of a tool, at its price. The model is null for the one that served the call. */
const priceLine = z.object({
  class: z.string(),
  model: z.string().nullable().default(null),
  tool: z.string().nullable().default(null),
  quantity: count,
  nanoUsdPerMillion: nanoUsd,
  nanoUsd,
});

/** What an account caps, and its period; null until gateways say it. */
const account = z.object({
  accountId: id,
  capNanoUsd: nanoUsd.nullable(),
  kind: z.string().nullable().default(null),
  cycle: z.object({ startsAt: instant, endsAt: instant.nullable() }).nullable().default(null),
  /** The part of the hold that stands on this account, of a grant; absent: the whole hold stands on it. */
  heldNanoUsd: nanoUsd.optional(),
});

/**
 * The fields of the event: those of version 1 in their order, and then what is new. Fields that may be null are facts
 * that a gateway does not know of every request, or that no gateway tells yet. What has its usual value is left out: it
 * was a third of the event's bytes, which are written, sent and read once for each request.
 */
export const USAGE_RECORDED_V2_FIELDS = {
  eventVersion: field('gateway', 'version', z.literal(2)),
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
  /**
   * The totals of the call without its passes. Of the classes below, the first seven and the last four add up to them.
   */
  inputTokens: field('end', 'count', count),
  outputTokens: field('end', 'count', count),
  cachedInputTokens: field('end', 'count', count),
  reasoningTokens: field('end', 'count', count),
  /** Who counted: the provider's report, the gateway from what was delivered, or nobody (nothing is owed). */
  usageSource: field('end', 'word', z.enum(['provider', 'counted', 'none'])),
  /** What the usage costs by the price book. */
  costNanoUsd: field('end', 'amount', nanoUsd),
  /** What the customer pays: the cost, at most the hold where there is one, and at most 9,000,000 USD. */
  chargeNanoUsd: field('end', 'amount', nanoUsd),
  /** The credit that was held; null for a key without a cap. */
  holdNanoUsd: field('request', 'amountOrNull', nanoUsd.nullable()),
  /** Where the charge is posted; the key's own account first. A null cap is unlimited. */
  accounts: field('key', 'json', z.array(account).min(1)),
  priceVersion: field('gateway', 'text', z.string()),
  startedAt: field('request', 'moment', instant),
  endedAt: field('end', 'moment', instant),
  /** Where the request came from; empty when unknown. */
  clientAddress: field('request', 'text', z.string()),
  /** The secret of the key that was used. */
  secretId: field('key', 'idOrNull', id.nullable()),

  textInputTokens: field('end', 'count', count),
  audioInputTokens: usualField('end', 'count', count, 0),
  imageInputTokens: usualField('end', 'count', count, 0),
  cachedTextTokens: field('end', 'count', count),
  cachedAudioTokens: usualField('end', 'count', count, 0),
  cacheWrite5mTokens: usualField('end', 'count', count, 0),
  cacheWrite1hTokens: usualField('end', 'count', count, 0),
  textOutputTokens: field('end', 'count', count),
  audioOutputTokens: usualField('end', 'count', count, 0),
  imageOutputTokens: usualField('end', 'count', count, 0),
  /** Calls of tools that the provider ran. */
  toolCalls: usualField('end', 'json', z.array(z.object({ tool: z.string(), calls: count })), []),
  passes: usualField('end', 'json', z.array(pass), []),
  /** What the cost is made of; its amounts add up to it. Empty where nothing was used, or where a report was absurd. */
  priceLines: field('end', 'jsonText', z.array(priceLine)),
  /** The tier, the speed and the place that served the call, and the model that answered for another; null if usual. */
  tierServed: usualField('end', 'textOrNull', z.string().nullable(), null),
  speedServed: usualField('end', 'textOrNull', z.string().nullable(), null),
  inferenceGeo: usualField('end', 'textOrNull', z.string().nullable(), null),
  modelServed: usualField('end', 'textOrNull', z.string().nullable(), null),
  /** What the client was answered, and how long it waited for the first byte and for all. */
  statusCode: usualField('end', 'countOrNull', count.nullable(), null),
  firstByteMs: usualField('end', 'countOrNull', count.nullable(), null),
  durationMs: usualField('end', 'countOrNull', count.nullable(), null),
  projectId: usualField('key', 'idOrNull', id.nullable(), null),
  memberId: usualField('key', 'idOrNull', id.nullable(), null),
  /** The groups of the key at the time of the request, and the one that opened the route to it. */
  groupIds: usualField('key', 'jsonOrNull', z.array(id).nullable(), null),
  routeGroupId: usualField('request', 'idOrNull', id.nullable(), null),
  /**
   * What is charged up to the hold, where that is not the cost: the cost with the mark-up, without what was used by
   * attempts that gave the client no answer (those before the last one that reported usage are passes of the kind
   * `attempt_in_vain`). So it is 0 where there was no answer at all.
   */
  billableNanoUsd: optionalField('end', 'amount', nanoUsd),
  /** True if a part of what was used has no known price: the cost is that of the rest. Absent where all has one. */
  unpriced: optionalField('end', 'flag', z.boolean()),
  /** Other groups of the key that opened the route as well; absent where there is none. */
  otherRouteGroupIds: optionalField('request', 'json', z.array(id)),
} as const;

/** Reads an event of `usage.recorded.v2`. Unknown fields are ignored. */
export const usageRecordedV2 = eventSchema(USAGE_RECORDED_V2_FIELDS);
/** The usage of one request, as `usage.recorded.v2` carries it. */
export type UsageRecordedV2 = z.infer<typeof usageRecordedV2>;
/** The same as it is written: without the fields that have their usual values. */
export type UsageRecordedV2Input = z.input<typeof usageRecordedV2>;
