import { z } from 'zod';

const usd = (description: string) => z.number().describe(`${description} In USD.`);

const EXAMPLE = {
  object: 'billing_credits',
  is_subscriber: true,
  payg: { remaining_usd: 7.5, used_usd: 2.5, total_usd: 10, is_unlimited: false },
  subscription: {
    plan_type: 'pro',
    status: 'active',
    cycle_quota_limit: 20,
    cycle_quota_used: 20,
    cycle_quota_remaining: 0,
    cycle_start: '2026-11-16T10:02:35.000Z',
    cycle_end: '2026-12-16T10:02:35.000Z',
    payg_fallback_enabled: true,
    payg_spent_usd: 2.5,
    payg_limit_usd: 10,
  },
} as const;

/** What a key has left, in the shape of another product, which has numbers. */
export const billingCreditsReply = z
  .object({
    object: z.literal('billing_credits'),
    is_subscriber: z.boolean().describe('Whether the key is that of a subscription which can be used now.'),
    payg: z
      .object({
        remaining_usd: usd(
          'What is left of the limit, or of a budget, the limit or the prepaid credit of its organisation, where one of these has less; null is unlimited.',
        ).nullable(),
        used_usd: usd('What counts against the limit; without one, what the key was ever charged.'),
        total_usd: usd('What is left, used, and held by calls in flight, together; null is unlimited.').nullable(),
        is_unlimited: z
          .boolean()
          .describe(
            'Whether nothing limits what the key may spend: neither a limit of its own nor any that it shares.',
          ),
      })
      .describe(
        'What the key may spend, by its own limit in its present cycle and by all that it shares; for the key of a subscription, what it may spend beyond its quota.',
      ),
    subscription: z
      .object({
        plan_type: z.string().describe('The name of the plan.'),
        status: z
          .enum(['active', 'cancelled'])
          .describe('`cancelled` is one that ends with its cycle, and can be used until then.'),
        cycle_quota_limit: usd('What the cycle includes.'),
        cycle_quota_used: usd('What is used of it.'),
        cycle_quota_remaining: usd('What is left of it, whatever budgets and the limit of its organisation have left.'),
        cycle_start: z.string().meta({ format: 'date-time' }),
        cycle_end: z.string().meta({ format: 'date-time' }),
        payg_fallback_enabled: z.boolean().describe('Whether what the quota does not cover is paid as it goes.'),
        payg_spent_usd: usd('What was paid as it went in this cycle; only where that is enabled.').optional(),
        payg_limit_usd: usd('The most that may be, in each cycle; only where that is enabled.').optional(),
      })
      .optional()
      .describe('Only while there is a subscription that can be used.'),
  })
  .meta({
    id: 'BillingCredits',
    examples: [
      EXAMPLE,
      {
        object: 'billing_credits',
        is_subscriber: false,
        payg: { remaining_usd: 5, used_usd: 2, total_usd: 7, is_unlimited: false },
      },
    ],
  });
/** It as a reply carries it. */
export type BillingCredits = Readonly<z.input<typeof billingCreditsReply>>;
