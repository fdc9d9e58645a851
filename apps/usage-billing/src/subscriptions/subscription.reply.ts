import { creditLimitRaiseReply, listReply } from '@tollgate/http';
import { z } from 'zod';

const moment = z.string().meta({ format: 'date-time' });
const usd = z.string().describe('Decimal USD, exact.');

const PERIOD = {
  number: 0,
  starts_at: '2026-11-29T23:30:00.000Z',
  ends_at: '2026-12-29T23:30:00.000Z',
  included_usd: '20',
  fee_usd: '15',
  charges: [
    {
      at: '2026-11-29T23:30:00.000Z',
      kind: 'cycle',
      plan: 'pro',
      plan_id: '5b1f7a52-1c7e-4b7e-9a55-0123456789ab',
      amount_usd: '15',
    },
  ],
} as const;
const EXAMPLE = {
  object: 'subscription',
  id: '9a3c2f10-2f6e-4b8c-9c4e-0a6f1d7b2c55',
  organization_id: 'default',
  member_id: null,
  plan: 'pro',
  plan_id: '5b1f7a52-1c7e-4b7e-9a55-0123456789ab',
  next_plan: null,
  status: 'active',
  anchor: '2026-11-29T23:30:00.000Z',
  ends_at: null,
  current_period: { number: 0, starts_at: '2026-11-29T23:30:00.000Z', ends_at: '2026-12-29T23:30:00.000Z' },
  quota: { included_usd: '20', used_usd: '3.120045', remaining_usd: '16.879955' },
  payg: { enabled: true, limit_usd: '50', used_usd: '0', remaining_usd: '50', credit_limit_raise: null },
  api_key: { id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab', masked_key: 'sk-sub…x9Qf', status: 'active' },
  created_at: '2026-11-29T23:30:00.412Z',
} as const;

const apiKey = {
  id: z.uuid(),
  masked_key: z.string().nullable().describe('The first six and the last four characters of its first secret.'),
  status: z
    .enum(['active', 'disabled', 'expired', 'revoked', 'leaked'])
    .nullable()
    .describe(
      '`leaked` and `revoked` are for good: `POST /v1/subscriptions/{id}/keys` gives it a new key. Null where it cannot be asked.',
    ),
};

const fields = {
  object: z.literal('subscription'),
  id: z.uuid(),
  organization_id: z.string(),
  member_id: z.uuid().nullable(),
  plan: z.string().describe('The name of the plan of the present cycle.'),
  plan_id: z.uuid(),
  next_plan: z
    .string()
    .nullable()
    .describe('The plan that follows at the next cycle; null where the present one stays.'),
  status: z
    .enum(['active', 'ending', 'ended'])
    .describe('`active` renews itself, `ending` was cancelled for a later moment, `ended` opens nothing any more.'),
  anchor: moment.describe('The first moment of its first cycle. All cycles are counted from it, in months, in UTC.'),
  ends_at: moment.nullable(),
  current_period: z
    .object({ number: z.int(), starts_at: moment, ends_at: moment })
    .describe('Of one that has ended, its last.'),
  quota: z
    .object({ included_usd: usd, used_usd: usd, remaining_usd: usd })
    .describe('Of the present cycle. What calls in flight hold is taken off what remains.'),
  payg: z
    .object({
      enabled: z.boolean(),
      limit_usd: usd.nullable(),
      used_usd: usd,
      remaining_usd: usd.nullable(),
      credit_limit_raise: creditLimitRaiseReply,
    })
    .describe('Of the present cycle, like the quota. Not enabled where the plan does not allow it.'),
  api_key: z.object(apiKey),
  created_at: moment,
};

const periods = z
  .array(
    z.object({
      number: z.int().describe('0 is the first cycle.'),
      starts_at: moment,
      ends_at: moment,
      included_usd: usd,
      fee_usd: usd.describe('All that was charged for the cycle itself.'),
      charges: z
        .array(
          z.object({
            at: moment,
            kind: z
              .enum(['cycle', 'upgrade'])
              .describe('The price of the cycle, or its part for a change in its middle.'),
            plan: z.string(),
            plan_id: z.uuid(),
            amount_usd: usd,
          }),
        )
        .readonly(),
    }),
  )
  .readonly()
  .describe('The last 24 cycles that have begun, newest first.');

/** A subscription as lists show it. */
const subscriptionReply = z.object(fields).meta({ id: 'Subscription', examples: [EXAMPLE] });
/** It as a reply carries it. */
export type SubscriptionObject = Readonly<z.input<typeof subscriptionReply>>;

/** A subscription with what was charged for its cycles. */
export const detailedSubscriptionReply = z
  .object({ ...fields, periods })
  .meta({ id: 'DetailedSubscription', examples: [{ ...EXAMPLE, periods: [PERIOD] }] });
export type DetailedSubscriptionObject = Readonly<z.input<typeof detailedSubscriptionReply>>;
/** A cycle of it. */
export type PeriodObject = DetailedSubscriptionObject['periods'][number];

/** The reply to what makes a key for a subscription; no other reply has a secret. */
export const createdSubscriptionReply = z
  .object({
    ...fields,
    api_key: z.object({
      ...apiKey,
      secret: z.string().describe('The key itself. This reply alone shows it.'),
    }),
    periods,
  })
  .meta({
    id: 'CreatedSubscription',
    examples: [
      { ...EXAMPLE, api_key: { ...EXAMPLE.api_key, secret: 'sk-sub-ThisIsNoRealSecret…x9Qf' }, periods: [PERIOD] },
    ],
  });
export type CreatedSubscriptionObject = Readonly<z.input<typeof createdSubscriptionReply>>;

/** One page of subscriptions. */
export const subscriptionListReply = listReply('SubscriptionList', subscriptionReply, EXAMPLE);
export type SubscriptionList = Readonly<z.input<typeof subscriptionListReply>>;
