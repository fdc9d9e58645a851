import { z } from 'zod';

const moment = z.string().meta({ format: 'date-time' });
const usd = z.number().describe('USD, as a number: the shape of OpenRouter has no exact amounts.');
const noByok = z.literal(0).describe('Always 0: nobody brings keys of providers.');

const RESETS = ['daily', 'weekly', 'monthly'] as const;

const spending = {
  limit: usd
    .nullable()
    .describe('With a raise while it counts. Null is unlimited, or the key of a subscription in a list of keys.'),
  limit_remaining: usd
    .nullable()
    .describe(
      'What is left of the limit in its present cycle, what calls in flight hold taken off; null is unlimited.',
    ),
  limit_reset: z
    .enum(RESETS)
    .nullable()
    .describe('When the limit begins anew: 00:00 UTC, on Mondays, on the first of the month; null for never.'),
  include_byok_in_limit: z.literal(false),
  usage: usd.describe('Of the life of the key.'),
  usage_daily: usd.describe('Of this day, by UTC.'),
  usage_weekly: usd.describe('Of this week, by UTC: weeks begin on Monday.'),
  usage_monthly: usd.describe('Of this month, by UTC.'),
  byok_usage: noByok,
  byok_usage_daily: noByok,
  byok_usage_weekly: noByok,
  byok_usage_monthly: noByok,
};

const EXAMPLE_SPENDING = {
  limit: 25,
  limit_remaining: 21.879955,
  limit_reset: 'monthly',
  include_byok_in_limit: false,
  usage: 103.120045,
  usage_daily: 0.25,
  usage_weekly: 1.5,
  usage_monthly: 3.120045,
  byok_usage: 0,
  byok_usage_daily: 0,
  byok_usage_weekly: 0,
  byok_usage_monthly: 0,
} as const;
const CREATOR = '5b2f7a0e-1c3d-4e5f-8a9b-0123456789ab';

const creator = z.string().nullable().describe('The person who made it; null where that was no person.');
const label = z.string().describe('The first six and the last four characters of the secret.');

const key = z.object({
  hash: z.string().describe('Names the key in paths: 64 hex digits.'),
  name: z.string(),
  label,
  disabled: z.boolean().describe('Whether it is switched off or has ended; an expired key is told by `expires_at`.'),
  ...spending,
  created_at: moment,
  updated_at: z.null().describe('Always null: the audit trail has the changes.'),
  expires_at: moment.nullable(),
  creator_user_id: creator,
  external_user: z.null().describe('Always null: keys are of people and programs of the organisation.'),
  workspace_id: z.string().describe('The organisation.'),
});
/** A key in the shape of OpenRouter. */
export type OpenRouterKey = z.output<typeof key>;

const EXAMPLE: OpenRouterKey = {
  hash: '0b4f2f5e7f5c4d0e9a770123456789ab5a1e0b3c7d9f2e4a6c8b0d1f3e5a7c9b',
  name: 'support bot',
  label: 'sk-Tg7…x9Qf',
  disabled: false,
  ...EXAMPLE_SPENDING,
  created_at: '2026-11-20T09:30:00.000Z',
  updated_at: null,
  expires_at: null,
  creator_user_id: CREATOR,
  external_user: null,
  workspace_id: 'default',
};

export const openRouterKeyReply = z.object({ data: key }).meta({ id: 'OpenRouterKey', examples: [{ data: EXAMPLE }] });

export const openRouterKeysReply = z
  .object({ data: z.array(key) })
  .meta({ id: 'OpenRouterKeys', examples: [{ data: [EXAMPLE] }] });

export const createdOpenRouterKeyReply = z
  .object({ data: key, key: z.string().describe('The key itself. This reply alone shows it.') })
  .meta({
    id: 'CreatedOpenRouterKey',
    examples: [{ data: EXAMPLE, key: 'sk-Tg7ThisIsNoRealSecret…x9Qf' }],
  });

export const deletedOpenRouterKeyReply = z
  .object({ deleted: z.literal(true) })
  .meta({ id: 'DeletedOpenRouterKey', examples: [{ deleted: true }] });

const currentKey = z.object({
  label,
  ...spending,
  is_free_tier: z.literal(false),
  is_management_key: z.boolean().describe('Whether it has the scope `admin`.'),
  is_provisioning_key: z.boolean().describe('The same, by its former name.'),
  creator_user_id: creator,
  expires_at: moment.nullable(),
  organization_id: z.string(),
  workspace_id: z.string().describe('The organisation, too.'),
  allowed_data_regions: z.array(z.literal('global')).describe('Always `global`: routes say which provider is asked.'),
  free_model_daily_requests: z
    .object({ limit: z.literal(0), remaining: z.literal(0), used: z.literal(0) })
    .describe('Always 0: no model is free.'),
  rate_limit: z.object({
    requests: z.int().describe('In each interval; -1 is unlimited.'),
    interval: z.string(),
    note: z.string(),
  }),
});
/** The key that asks, in the shape of OpenRouter. */
export type CurrentOpenRouterKey = z.output<typeof currentKey>;

export const currentOpenRouterKeyReply = z.object({ data: currentKey }).meta({
  id: 'CurrentOpenRouterKey',
  examples: [
    {
      data: {
        label: EXAMPLE.label,
        ...EXAMPLE_SPENDING,
        is_free_tier: false,
        is_management_key: false,
        is_provisioning_key: false,
        creator_user_id: CREATOR,
        expires_at: null,
        organization_id: 'default',
        workspace_id: 'default',
        allowed_data_regions: ['global'],
        free_model_daily_requests: { limit: 0, remaining: 0, used: 0 },
        rate_limit: { requests: 600, interval: '60s', note: 'Requests of this key in a minute.' },
      },
    },
  ],
});
