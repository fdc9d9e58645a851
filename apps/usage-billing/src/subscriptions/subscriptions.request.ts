import { readOrganizationId, uuid } from '@tollgate/contracts';
import { creditLimitRaise, newestFirst, pageQuery, Pages } from '@tollgate/http';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { usd } from '../plans/plan-fields.js';

const planReference = z.string().trim().min(1).max(100).describe('The id of a plan, or its name in any case.');

const payg = z
  .strictObject({
    enabled: z.boolean().optional().describe('Whether calls that the quota does not cover are served up to the limit.'),
    limit_usd: usd.optional().describe('What such calls may cost in each cycle.'),
  })
  .describe('Pay-as-you-go, where the plan allows it. It counts at once.');

/** The body of `POST /v1/subscriptions`. */
export const createSubscriptionRequest = z
  .strictObject({
    plan: planReference,
    organization_id: shown(
      z.string().transform((text, context) => {
        const read = readOrganizationId(text);
        if (read !== null) return read;
        context.addIssue({ code: 'custom', message: 'must be the id of one organisation' });
        return z.NEVER;
      }),
      { type: 'string', minLength: 7, maxLength: 36, description: 'Without it, the one that the request is about.' },
    ).optional(),
    member_id: uuid.nullable().default(null).describe('The member whose key it is; null for the organisation.'),
    payg: payg.optional(),
  })
  .meta({
    id: 'CreateSubscription',
    examples: [{ plan: 'pro' }, { plan: 'team', payg: { enabled: true, limit_usd: '50' } }],
  });
export type CreateSubscriptionRequest = z.output<typeof createSubscriptionRequest>;

/** The body of `PATCH /v1/subscriptions/{id}`. A field that is left out stays as it is. */
export const updateSubscriptionRequest = z
  .strictObject({
    plan: planReference.optional(),
    payg: payg.optional(),
    credit_limit_raise: creditLimitRaise
      .optional()
      .describe('More than the limit of pay-as-you-go for a time, which ends by itself. Null takes it back.'),
  })
  .meta({
    id: 'UpdateSubscription',
    examples: [
      { plan: 'team' },
      { payg: { enabled: true, limit_usd: 25 } },
      { credit_limit_raise: { amount_usd: '50', until: '2026-12-24T00:00:00Z' } },
    ],
  });
export type UpdateSubscriptionRequest = z.output<typeof updateSubscriptionRequest>;

/** The body of `POST /v1/subscriptions/{id}/cancel`. */
export const cancelSubscriptionRequest = z
  .strictObject({
    at: z
      .enum(['now', 'cycle_end'])
      .default('cycle_end')
      .describe('`now` cannot be undone, and nothing is given back; `cycle_end` can be until then.'),
  })
  .meta({ id: 'CancelSubscription', examples: [{ at: 'cycle_end' }, { at: 'now' }] });
export type CancelSubscriptionRequest = z.output<typeof cancelSubscriptionRequest>;

/** The query of `GET /v1/subscriptions`. */
export const listSubscriptionsRequest = z.strictObject(pageQuery);
export type ListSubscriptionsRequest = z.output<typeof listSubscriptionsRequest>;

/** The subscription that a path names. A malformed id is answered with 404, like that of an unknown one. */
export const subscriptionPath = pathSchema(
  'subscription_not_found',
  z.object({ id: uuid.describe('The `id` of a subscription, in any case.') }),
);
export type SubscriptionPath = z.output<typeof subscriptionPath>;

/** The list of subscriptions in pages, newest first. */
export const SUBSCRIPTION_PAGES = new Pages('subscriptions', newestFirst(z.uuid()));
