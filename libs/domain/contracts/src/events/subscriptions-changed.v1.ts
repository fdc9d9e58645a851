import { z } from 'zod';
import { id, nanoUsd } from '../primitives.js';

/**
 * Bus topic; key `apiKeyId`; from usage-billing to key-management: what the key of a subscription may do. It is the
 * whole state, so of several messages the one with the highest version counts.
 */
export const SUBSCRIPTIONS_CHANGED_V1 = 'subscriptions.changed.v1';

const limit = z.int().positive().nullable();
const payg = z
  .object({
    capNanoUsd: nanoUsd,
    /** More than the cap, until a moment; absent for none. */
    raise: z.object({ amountNanoUsd: nanoUsd, untilMs: z.int() }).exactOptional(),
  })
  .nullable();
/** Of the plan, in millionths of the cost; null where the organisation's own counts. */
const markupMillionths = z.int().nonnegative().nullable();

/** What a plan and its subscription decide about their key. */
export const subscriptionTerms = z.object({
  subscriptionId: id,
  /** Grows with each change of the subscription. */
  version: z.int().positive(),
  anchorMs: z.int(),
  quotas: z.array(z.object({ fromMs: z.int(), quotaNanoUsd: nanoUsd })).min(1),
  endsAtMs: z.int().nullable(),
  /** This and the mark-up are those of the present cycle. */
  payg,
  markupMillionths,
  /**
   * Both of cycles that differ in them, in the order of `fromMs`: of the entries that are not later than the start of a
   * cycle, the last one counts. Absent where all known cycles are alike.
   */
  cycleTerms: z
    .array(z.object({ fromMs: z.int(), payg, markupMillionths }))
    .min(1)
    .exactOptional(),
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
