import {
  HISTOGRAM_COLUMNS,
  HISTOGRAM_DIGITS,
  LATENCY_BOUNDS_MS,
  TOKEN_CLASSES,
  type HistogramColumn,
  type TokenClass,
} from './roll-up-columns.js';

// What an event of billing.usage_event adds to the columns of the roll-ups, as expressions of SQL.

/** The tokens of one class of an event. An event of version 1 has no classes: all of its tokens are text. */
export const TOKENS_OF: Readonly<Record<TokenClass, string>> = {
  text_input: 'coalesce(text_input_tokens, greatest(input_tokens - cached_input_tokens, 0))',
  audio_input: 'audio_input_tokens',
  image_input: 'image_input_tokens',
  cached_text: 'coalesce(cached_text_tokens, cached_input_tokens)',
  cached_audio: 'cached_audio_tokens',
  cache_write5m: 'cache_write5m_tokens',
  cache_write1h: 'cache_write1h_tokens',
  text_output: 'coalesce(text_output_tokens, greatest(output_tokens - reasoning_tokens, 0))',
  reasoning: 'reasoning_tokens',
  audio_output: 'audio_output_tokens',
  image_output: 'image_output_tokens',
};

/** The columns of an event that roll-ups count by, and that version 1 has too. */
const OF_BOTH_VERSIONS = [
  ...['request_id', 'organization_id', 'outcome', 'model', 'provider', 'route', 'api_key_id', 'accounts'],
  ...['started_at', 'ended_at', 'input_tokens', 'output_tokens', 'cached_input_tokens', 'reasoning_tokens'],
  ...['cost_nano_usd', 'charge_nano_usd'],
];
/** Those that version 2 adds. The groups that an event of version 1 was held on are among those that it adds. */
const OF_SECOND_VERSION = [
  ...TOKEN_CLASSES.filter((name) => name !== 'reasoning').map((name) => `${name}_tokens`),
  ...['project_id', 'member_id', 'group_ids', 'unpriced', 'first_byte_ms', 'duration_ms'],
];

/**
 * The columns that roll-ups count an event by, of `e`, a row of billing.usage_event, with what version 2 has told of it
 * later: of `facts`, its row of billing.usage_event_facts, whose columns may be null.
 */
export const eventWithFacts = (facts: string): string =>
  [
    ...OF_BOTH_VERSIONS.map((column) => `e.${column}`),
    ...OF_SECOND_VERSION.map((column) => `coalesce(${facts}.${column}, e.${column}) AS ${column}`),
  ].join(', ');

/** What was measured of an event, in milliseconds. */
const LATENCY_OF: Readonly<Record<HistogramColumn, string>> = {
  first_byte: 'first_byte_ms',
  duration: 'coalesce(duration_ms, greatest(extract(epoch FROM ended_at - started_at) * 1000, 0))',
};

/** A histogram with one sample: the power of ten of its bucket; null for an event without one. */
export const LATENCY_SAMPLE_OF = Object.fromEntries(
  HISTOGRAM_COLUMNS.map((column) => {
    const samples = [0, ...LATENCY_BOUNDS_MS].map((_, bucket) => `1${'0'.repeat(bucket * HISTOGRAM_DIGITS)}`);
    const bucket = `width_bucket((${LATENCY_OF[column]})::float8, '{${LATENCY_BOUNDS_MS.join(',')}}'::float8[])`;
    return [column, `('{${samples.join(',')}}'::numeric[])[${bucket} + 1]`];
  }),
) as Readonly<Record<HistogramColumn, string>>;
