import { z } from 'zod';

const moment = z.string().meta({ format: 'date-time' });
const count = z.int().min(0);
const usd = z.string().describe('Decimal USD, exact.');

const priceLine = z.object({
  class: z
    .string()
    .describe('`text_input`, `cached_text`, `cache_write_5m`, `text_output`, `reasoning`, `tool_calls` and others.'),
  model: z
    .string()
    .nullable()
    .describe(
      'The model of another pass, or of an attempt that gave no answer; null for the model that served the call.',
    ),
  tool: z.string().nullable().describe('The tool of `tool_calls`.'),
  quantity: count.describe('Tokens, or calls of the tool.'),
  usd_per_million: usd.nullable().describe('Null where no price is known.'),
  cost_usd: usd.nullable().describe('Null where no price is known.'),
});

/** A usage event as the usage API shows it. Moments are RFC 3339 in UTC, money is decimal USD. */
const usageEvent = z
  .object({
    object: z.literal('usage_event'),
    request_id: z.string().describe('The `x-request-id` of the reply.'),
    api_key_id: z.string(),
    outcome: z.string().describe('How the request ended. Later releases may know more ways.'),
    route: z.string(),
    provider: z.string(),
    model: z.string().describe('The name that the provider has for it, not the one that the caller wrote.'),
    stream: z.boolean(),
    input_tokens: count,
    output_tokens: count,
    cached_input_tokens: count,
    reasoning_tokens: count,
    usage_source: z.string().describe('Who counted: `provider`, `counted` (the gateway), or `none`.'),
    cost_usd: usd.nullable().describe('By the price list of `price_version`; null where a price is not known.'),
    charge_usd: usd.describe('What the accounts were charged, each of them.'),
    billable_usd: usd
      .nullable()
      .describe(
        'What is charged up to the hold: the cost with the mark-up, without attempts that gave no answer; null where that is `cost_usd`.',
      ),
    unpriced: z.boolean().describe('Whether a part of what was used has no known price; the rest is charged.'),
    charge_reason: z.string(),
    charge_explanation: z.string(),
    hold_usd: usd.nullable().describe('The credit that was held; null for a request without a credit limit.'),
    platform_loss_usd: usd.describe('What the provider charged and no customer pays.'),
    price_version: z.string(),
    accounts: z
      .array(z.object({ account_id: z.string(), cap_usd: usd.nullable() }))
      .readonly()
      .describe('The account of the key first. `cap_usd` is the limit that let the request in; null without one.'),
    started_at: moment,
    ended_at: moment,
    booked_at: moment,
    client_address: z.string().nullable(),
    price_lines: z
      .array(priceLine)
      .readonly()
      .nullable()
      .describe(
        'What the cost is made of: of what has a price, the lines add up to it. Null for events of releases that did not tell it.',
      ),
  })
  .meta({ id: 'UsageEvent' });
/** A usage event as a reply carries it, before it is serialised. */
export type UsageEventObject = Readonly<z.input<typeof usageEvent>>;

const EXAMPLE: UsageEventObject = {
  object: 'usage_event',
  request_id: '0199f0a3-5c1e-7b3a-9d2f-3b1c5a7e9f10',
  api_key_id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
  outcome: 'completed',
  route: 'support-bot',
  provider: 'openai',
  model: 'gpt-4o-mini',
  stream: true,
  input_tokens: 412,
  output_tokens: 96,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  usage_source: 'provider',
  cost_usd: '0.0001194',
  charge_usd: '0.0001194',
  charge_reason: 'provider_reported',
  charge_explanation: 'The usage is what the provider reported.',
  hold_usd: '0.0006618',
  billable_usd: null,
  unpriced: false,
  platform_loss_usd: '0',
  price_version: '2026-11-01',
  accounts: [{ account_id: 'key:0b4f2f5e-7f5c-4d0e-9a77-0123456789ab', cap_usd: '25' }],
  started_at: '2026-11-28T16:04:10.120Z',
  ended_at: '2026-11-28T16:04:12.000Z',
  booked_at: '2026-11-28T16:04:12.310Z',
  client_address: '203.0.113.7',
  price_lines: [
    { class: 'text_input', model: null, tool: null, quantity: 412, usd_per_million: '0.15', cost_usd: '0.0000618' },
    { class: 'text_output', model: null, tool: null, quantity: 96, usd_per_million: '0.6', cost_usd: '0.0000576' },
  ],
};

/** A list of one event, or an empty one. */
export const usageEventListReply = z
  .object({
    object: z.literal('list'),
    data: z.array(usageEvent),
    has_more: z.literal(false),
    next_cursor: z.null(),
  })
  .meta({ id: 'UsageEventList', examples: [{ object: 'list', data: [EXAMPLE], has_more: false, next_cursor: null }] });
export type UsageEventList = Readonly<z.input<typeof usageEventListReply>>;
