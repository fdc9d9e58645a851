import { z } from 'zod';
import { id, nanoUsd } from '../primitives.js';

/**
 * Bus topic; key `apiKeyId`; from usage-billing to key-management: what the key of a subscription may do. It is the
 * whole state, so of several messages the one with the highest version counts.
 */
export const SUBSCRIPTIONS_CHANGED_V1 = 'subscriptions.changed.v1';

const limit = z.int().positive().nullable();

/** What a plan and its subscription decide about their key. */
export const subscriptionTerms = z.object({
  subscriptionId: id,
  /** Grows with each change of the subscription. */
  version: z.int().positive(),
  anchorMs: z.int(),
  quotas: z.array(z.object({ fromMs: z.int(), quotaNanoUsd: nanoUsd })).min(1),
  endsAtMs: z.int().nullable(),
  payg: z
    .object({
      capNanoUsd: nanoUsd,
      /** More than the cap, until a moment; absent for none. */
      raise: z.object({ amountNanoUsd: nanoUsd, untilMs: z.int() }).exactOptional(),
    })
    .nullable(),
  /** Of the plan, in millionths of the cost; null where the organisation's own counts. */
  markupMillionths: z.int().nonnegative().nullable(),
  models: z.array(z.string()).min(1).nullable(),
  rateLimits: z.object({ requestsPerMinute: limit, tokensPerMinute: limit, parallelRequests: limit }),
});
export type SubscriptionTerms = z.infer<typeof subscriptionTerms>;

export const subscriptionsChangedV1 = z.object({
  eventVersion: z.literal(1),
  organizationId: id,
  apiKeyId: id,
  terms: subscriptionTerms,
});
/** A change of a subscription, as `subscriptions.changed.v1` carries it. */
export type SubscriptionsChangedV1 = z.infer<typeof subscriptionsChangedV1>;
