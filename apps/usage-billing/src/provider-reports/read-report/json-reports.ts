import { validate } from '@tollgate/errors';
import { z } from 'zod';
import { utcDay } from '../../store/utc-day.js';
import { decimalUsd } from './decimal-usd.js';
import { readReport, REPORT_ROWS_MAX, type ReadReport, type ReportRow } from './report-row.js';

/** The reports of providers that are JSON, by their names here. */
export const JSON_FORMATS = ['openai_usage', 'openai_costs', 'anthropic_usage', 'anthropic_costs'] as const;
export type JsonFormat = (typeof JSON_FORMATS)[number];

const tokens = z.int().nonnegative();
const tokensOrNone = tokens.nullish().transform((count) => count ?? 0);
const model = z
  .string()
  .min(1)
  .max(200)
  .nullish()
  .transform((name) => name ?? null);

/** `GET /v1/organization/usage/completions` (and embeddings): the cache stands inside of `input_tokens`. */
const openAiUsage = z.object({
  model,
  input_tokens: tokens,
  output_tokens: tokensOrNone,
  num_model_requests: tokens.nullish().transform((count) => count ?? null),
});

/** `GET /v1/organization/costs`: `amount.value` is in USD, a number or, since 2025, a decimal string. */
const openAiCosts = z.object({
  amount: z.object({ value: z.union([z.number(), z.string()]), currency: z.string() }),
  line_item: z
    .string()
    .max(300)
    .nullish()
    .transform((item) => item ?? null),
});

/** `GET /v1/organizations/usage_report/messages`: the parts of the input stand beside each other. */
const anthropicUsage = z.object({
  model,
  uncached_input_tokens: tokens,
  cache_read_input_tokens: tokensOrNone,
  cache_creation: z
    .object({ ephemeral_5m_input_tokens: tokensOrNone, ephemeral_1h_input_tokens: tokensOrNone })
    .nullish(),
  output_tokens: tokens,
});

/** `GET /v1/organizations/cost_report`: `amount` is in cents, as a decimal string. */
const anthropicCosts = z.object({ model, amount: z.string(), currency: z.string() });

/** From 2000 on, and before the year 10000: beyond it a day has no four digits. */
const unixSeconds = z
  .int()
  .min(946_684_800)
  .max(253_402_300_799)
  .transform((seconds) => seconds * 1_000);
const moment = z.iso
  .datetime({ offset: true })
  .refine((text) => /^[2-9]/.test(text), 'must be a moment from the year 2000 on')
  .transform((text) => Date.parse(text));

interface Format {
  readonly page: z.ZodType<Page>;
  readonly rowOf: (result: unknown, day: string) => ReportRow | string;
}
interface Page {
  readonly data: readonly Bucket[];
  readonly has_more: boolean;
}

/**
 * What a provider counted in a part of a day, of the whole of it as a rule. Milliseconds since 1970; the end is behind
 * it.
 */
interface Bucket {
  readonly startMs: number;
  readonly endMs: number;
  readonly results: readonly unknown[];
}

const DAY_MS = 86_400_000;
const dayAfter = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS + DAY_MS;

/** A bucket of no known end goes to the end of its day. */
const bucketOf = (startMs: number, endMs: number | null | undefined, results: readonly unknown[]): Bucket => ({
  startMs,
  endMs: endMs ?? dayAfter(startMs),
  results,
});

const hasMore = z
  .boolean()
  .nullish()
  .transform((more) => more ?? false);
const openAiPage = z.object({
  data: z.array(
    z
      .object({ start_time: unixSeconds, end_time: unixSeconds.nullish(), results: z.array(z.unknown()) })
      .transform(({ start_time: start, end_time: end, results }) => bucketOf(start, end, results)),
  ),
  has_more: hasMore,
});
const anthropicPage = z.object({
  data: z.array(
    z
      .object({ starting_at: moment, ending_at: moment.nullish(), results: z.array(z.unknown()) })
      .transform(({ starting_at: start, ending_at: end, results }) => bucketOf(start, end, results)),
  ),
  has_more: hasMore,
});

const FORMATS: Readonly<Record<JsonFormat, Format>> = {
  openai_usage: {
    page: openAiPage,
    rowOf: row(openAiUsage, (result, day) => ({
      day,
      model: result.model,
      costNanoUsd: null,
      inputTokens: result.input_tokens,
      outputTokens: result.output_tokens,
      requests: result.num_model_requests,
    })),
  },
  openai_costs: {
    page: openAiPage,
    rowOf: row(openAiCosts, ({ amount, line_item: item }, day) =>
      costRow(day, modelOfLineItem(item), decimalUsd(amount.value), amount.currency, 'amount.value'),
    ),
  },
  anthropic_usage: {
    page: anthropicPage,
    rowOf: row(anthropicUsage, (result, day) => ({
      day,
      model: result.model,
      costNanoUsd: null,
      inputTokens:
        result.uncached_input_tokens +
        result.cache_read_input_tokens +
        (result.cache_creation?.ephemeral_5m_input_tokens ?? 0) +
        (result.cache_creation?.ephemeral_1h_input_tokens ?? 0),
      outputTokens: result.output_tokens,
      requests: null,
    })),
  },
  anthropic_costs: {
    page: anthropicPage,
    rowOf: row(anthropicCosts, (result, day) =>
      costRow(day, result.model, decimalUsd(result.amount, 2), result.currency, 'amount'),
    ),
  },
};

/** A line item of OpenAI names the model and the class: `gpt-4o-mini-2024-07-18, input`. */
function modelOfLineItem(item: string | null): string | null {
  const name = item?.split(',')[0]?.trim() ?? '';
  return name === '' || name.includes(' ') ? null : name;
}

function costRow(
  day: string,
  model: string | null,
  costNanoUsd: bigint | null,
  currency: string,
  field: string,
): ReportRow | string {
  if (currency.toLowerCase() !== 'usd') return `currency: must be usd, and is ${currency.slice(0, 10)}`;
  if (costNanoUsd === null) return `${field}: must be a decimal number`;
  return { day, model, costNanoUsd, inputTokens: null, outputTokens: null, requests: null };
}

function row<S extends z.ZodType>(
  schema: S,
  make: (result: z.output<S>, day: string) => ReportRow | string,
): Format['rowOf'] {
  return (result, day) => {
    const read = validate(schema, result);
    if (read.kind === 'valid') return make(read.value, day);
    const [first] = read.faults;
    return `${first?.path.join('.') ?? ''}: ${first?.message ?? 'cannot be read'}`;
  };
}

/** A bucket, and where it stands in the report. */
interface PlacedBucket extends Bucket {
  readonly field: string;
}

const WHOLE_DAYS = 'the ledger is compared by whole days in UTC, so ask for these, with bucket_width=1d';

/**
 * What is wrong with the time of a bucket, or null. The ledger knows days: buckets cover each day that they touch, and
 * none of it twice. Hours are as good as days if all 24 of a day are there.
 */
function faultOfTime(buckets: readonly PlacedBucket[]): { readonly field: string; readonly message: string } | null {
  const byTime = buckets.toSorted((one, other) => one.startMs - other.startMs);
  for (const [at, { field, startMs, endMs }] of byTime.entries()) {
    if (endMs <= startMs) return { field, message: 'must end after its beginning' };
    if (endMs > dayAfter(startMs)) return { field, message: `must not reach into another day: ${WHOLE_DAYS}` };
    const [before, after] = [byTime[at - 1], byTime[at + 1]];
    if (before !== undefined && startMs < before.endMs)
      return { field, message: `must be about another time than ${before.field}` };
    if (startMs % DAY_MS !== 0 && startMs !== before?.endMs)
      return { field, message: `must not begin inside of a day: ${WHOLE_DAYS}` };
    if (endMs % DAY_MS !== 0 && (after === undefined || after.startMs > endMs))
      return { field, message: `must not end inside of a day: ${WHOLE_DAYS}` };
  }
  return null;
}

/**
 * Reads a report: one page as the provider answers it, or all pages in an array. Only the last page may be without a
 * following one, so a report that was cut off is refused rather than taken for a day without usage. A bucket without
 * results is a day of which the provider counted nothing.
 */
export function readJsonReport(format: JsonFormat, report: unknown): ReadReport {
  const { page: pageSchema, rowOf } = FORMATS[format];
  const pages: unknown[] = Array.isArray(report) ? (report as unknown[]) : [report];
  if (pages.length === 0) return { kind: 'invalid', field: 'report', message: 'must have at least one page' };
  const rows: ReportRow[] = [];
  const buckets: PlacedBucket[] = [];
  for (const [at, each] of pages.entries()) {
    const where = Array.isArray(report) ? `report[${at}]` : 'report';
    const page = validate(pageSchema, each);
    if (page.kind === 'invalid') {
      const [first] = page.faults;
      const path = first?.path.join('.') ?? '';
      return { kind: 'invalid', field: path === '' ? where : `${where}.${path}`, message: first?.message ?? '' };
    }
    if (page.value.has_more && at === pages.length - 1)
      return {
        kind: 'invalid',
        field: `${where}.has_more`,
        message: 'is true, so pages are missing: send all of them in an array',
      };
    for (const [number, bucket] of page.value.data.entries()) {
      const field = `${where}.data.${number}`;
      buckets.push({ field, ...bucket });
      for (const [place, result] of bucket.results.entries()) {
        const read = rowOf(result, utcDay(bucket.startMs));
        if (typeof read === 'string') return { kind: 'invalid', field: `${field}.results.${place}`, message: read };
        rows.push(read);
        if (rows.length > REPORT_ROWS_MAX)
          return { kind: 'invalid', field: 'report', message: `must have at most ${REPORT_ROWS_MAX} results` };
      }
    }
  }
  const fault = faultOfTime(buckets);
  if (fault !== null) return { kind: 'invalid', ...fault };
  return readReport(
    rows,
    buckets.map(({ startMs }) => utcDay(startMs)),
    'report',
  );
}
