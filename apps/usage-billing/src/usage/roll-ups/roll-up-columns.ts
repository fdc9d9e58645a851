/**
 * The lower bounds of the buckets that latencies are counted in, in milliseconds: each is √2 times the one before, so a
 * percentile is off by a fifth at most. Bucket 0 is below the first one. What is stored has these bounds: they never
 * change.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from({ length: 32 }, (_, n) => Math.round(2 ** (4 + n / 2)));

/**
 * A histogram is one number: bucket n has the decimal digits from `10^(n × HISTOGRAM_DIGITS)` on. So the database adds
 * histograms as it adds numbers, which costs a tenth of a column for each bucket, and few buckets are few bytes.
 */
export const HISTOGRAM_DIGITS = 10;

/** The columns of histograms: what is measured of the latency of a call. */
export const HISTOGRAM_COLUMNS = ['first_byte', 'duration'] as const;
export type HistogramColumn = (typeof HISTOGRAM_COLUMNS)[number];

/** The disjoint classes of tokens: the first seven add up to the input, the last four to the output. */
export const TOKEN_CLASSES = [
  'text_input',
  'audio_input',
  'image_input',
  'cached_text',
  'cached_audio',
  'cache_write5m',
  'cache_write1h',
  'text_output',
  'reasoning',
  'audio_output',
  'image_output',
] as const;
export type TokenClass = (typeof TOKEN_CLASSES)[number];

/** The columns of sums that every row has. */
export const SUM_COLUMNS = ['requests', 'input_tokens', 'output_tokens', 'cost_nano_usd', 'charge_nano_usd'] as const;

/** The columns of sums that are null where nothing was counted, so that most rows stay small. */
export const SPARSE_COLUMNS = ['unpriced_requests', ...TOKEN_CLASSES.map((name) => `${name}_tokens` as const)] as const;

/** The time that a row sums up. Those of six hours are in `billing.usage_series` alone. */
export const ROLL_UP_UNITS = ['minute', 'quarter', 'hour', 'six_hours', 'day', 'month'] as const;
export type RollUpUnit = (typeof ROLL_UP_UNITS)[number];

/**
 * Which facts tell the rows of one instant apart. `full`: all of them. `models`: what served the call. `owners`: whose
 * call it was. `total`: none but how it ended. The reduced ones are few rows, whatever the other facts are. Each call
 * is in all grains of a table, so a query reads exactly one.
 */
export type Grain = 'full' | 'models' | 'owners' | 'total';

/**
 * The grains of the rows of each time. Days of other time zones than UTC begin within a day: `six_hours` is there so
 * that few rows are between, and `total` so that what is not shown by group is summed up from few.
 */
export const GRAINS_OF: Readonly<Record<RollUpUnit, readonly Grain[]>> = {
  minute: ['full', 'models'],
  quarter: ['full', 'models', 'total'],
  hour: ['full', 'models', 'total'],
  six_hours: ['models', 'total'],
  day: ['full', 'models', 'owners', 'total'],
  month: ['models', 'owners'],
};

/** The length in minutes of the rows that `billing.usage_series` has, of models and in total. */
export const SERIES_MINUTES = { quarter: 15, hour: 60, six_hours: 360, day: 1_440 } as const satisfies Partial<
  Record<RollUpUnit, number>
>;

const OF_MODELS = ['model', 'provider', 'route'] as const;
const OF_OWNERS = ['api_key_id', 'project_id', 'member_id', 'group_ids'] as const;

/** A fact that rows are told apart by, besides organisation and outcome. */
export type RollUpFact = (typeof OF_MODELS | typeof OF_OWNERS)[number];

/** The facts that each grain has; the columns of the others are null. */
export const FACTS_OF: Readonly<Record<Grain, readonly RollUpFact[]>> = {
  full: [...OF_MODELS, ...OF_OWNERS],
  models: OF_MODELS,
  owners: OF_OWNERS,
  total: [],
};
