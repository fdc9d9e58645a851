import { USAGE_OUTCOMES } from '@tollgate/contracts';
import { z } from 'zod';
import { TOKEN_CLASSES } from '../roll-ups/roll-up-columns.js';

const count = z.int().min(0);
const usd = z.string().describe('Decimal USD, exact.');
const moment = z.string().meta({ format: 'date-time' });
const milliseconds = z.int().min(0).nullable().describe('Milliseconds; null without samples. A fifth off at most.');

const refused = z
  .record(z.string(), count)
  .nullable()
  .describe(
    'Calls that were refused before a provider was asked, by code. They are counted by key and minute: null where they ' +
      'are told apart by anything else of a key. Grouped by model, provider, route or status they are in the group of null.',
  );

/** The sums over some calls. */
const sums = z
  .object({
    requests: count.describe('Requests that reached a provider.'),
    requests_by_status: z.object(Object.fromEntries(USAGE_OUTCOMES.map((outcome) => [outcome, count]))),
    unpriced_requests: count.describe('Those of which no price was known; they are charged nothing.'),
    input_tokens: count,
    output_tokens: count,
    tokens: z
      .object(Object.fromEntries(TOKEN_CLASSES.map((name) => [name, count])))
      .describe('Every token in one class: the first seven add up to the input, the others to the output.'),
    cost_usd: usd.describe('What was charged.'),
    provider_cost_usd: usd.describe('What the usage costs by the price book, without mark-up and limits.'),
    first_byte_p50_ms: milliseconds,
    first_byte_p95_ms: milliseconds,
    duration_p50_ms: milliseconds,
    duration_p95_ms: milliseconds,
    refused,
  })
  .meta({ id: 'UsageSums' });
/** Sums as a reply carries them. */
export type SumsObject = Readonly<z.input<typeof sums>>;

const named = z.string().nullable().optional();
/** What a group is: the fields that are grouped by, with the last known names of what they are the ids of. */
const groupFields = {
  api_key_id: named,
  api_key_name: named,
  group_id: named.describe(
    'A group in whose budget calls count: one call may count in several. Null for calls that count in none.',
  ),
  group_name: named,
  project_id: named,
  project_name: named,
  member_id: named,
  member_name: named,
  model: named.describe('Null for calls that were refused before a provider was asked.'),
  provider: named,
  route: named,
  status: named,
} as const;
const group = z.object({ ...groupFields, ...sums.shape }).meta({ id: 'UsageGroup' });
/** A group as a reply carries it. */
export type GroupObject = Readonly<z.input<typeof group>>;

const cell = z
  .object({ ...groupFields, requests: count, input_tokens: count, output_tokens: count, cost_usd: usd, refused })
  .meta({ id: 'UsageOfGroupInBucket' });
export type CellObject = Readonly<z.input<typeof cell>>;

const bucket = z
  .object({ from: moment, to: moment, ...sums.shape, groups: z.array(cell).readonly() })
  .meta({ id: 'UsageBucket' });
export type BucketObject = Readonly<z.input<typeof bucket>>;

/** The sums over the requests of a key or an organisation. */
export const usageReply = z
  .object({
    object: z.literal('usage'),
    api_key_id: z.string().nullable().describe('Null for all keys.'),
    from: moment.nullable().describe('Null from the beginning on.'),
    to: moment.nullable(),
    interval: z.string().nullable(),
    tz: z.string(),
    group_by: z.array(z.string()).readonly(),
    totals: sums,
    series: z
      .array(bucket)
      .readonly()
      .describe('Without `interval` none. The buckets follow each other without a gap, and add up to the totals.'),
    groups: z
      .array(group)
      .readonly()
      .describe(
        'Without `group_by` none. A call of a key in several groups is in each of them, and once in the totals.',
      ),
    groups_cut: z.boolean().describe('Whether there are more groups than `limit`, of which the greatest are shown.'),
  })
  .meta({
    id: 'Usage',
    examples: [
      {
        object: 'usage',
        api_key_id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
        from: null,
        to: null,
        interval: null,
        tz: 'UTC',
        group_by: [],
        totals: {
          requests: 1_204,
          requests_by_status: { ...zeros(USAGE_OUTCOMES), completed: 1_200, provider_failed: 4 },
          unpriced_requests: 0,
          input_tokens: 812_345,
          output_tokens: 98_012,
          tokens: { ...zeros(TOKEN_CLASSES), text_input: 812_345, text_output: 98_012 },
          cost_usd: '3.120045',
          provider_cost_usd: '3.120045',
          first_byte_p50_ms: 412,
          first_byte_p95_ms: 1_380,
          duration_p50_ms: 2_210,
          duration_p95_ms: 9_120,
          refused: { quota_exceeded: 3 },
        },
        series: [],
        groups: [],
        groups_cut: false,
      },
    ],
  });
/** Sums of usage as a reply carries them. */
export type UsageObject = Readonly<z.input<typeof usageReply>>;

function zeros(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, 0]));
}
