import type { ConditionalPrice, ModelInfo, ModelPrice as SourcePrices } from '@pydantic/genai-prices';
import type { DailyHours, Factor, LongContext, ModelPrice, MorePrices, PriceRule } from '@tollgate/pricing';
import { toolOfType } from '@tollgate/usage';
import { listedIds } from './model-ids.js';
import { factorOf, factorOfNumber, limitsOf, type ModelLimits } from './model-limits.js';
import { oldCeiling } from './old-ceilings.js';
import { tokenizerOf } from './tokenizers.js';
import { toolFeesOf } from './tool-fees.js';

/** Where an entry stands, and which of its ids was asked for. */
export interface EntryNames {
  /** Who serves the model. */
  readonly source: string;
  /** Whose entry it is. */
  readonly of: string;
  readonly model: string;
}

/** Where no ceiling is known: what every model of the last years writes. */
const OUTPUT_TOKENS_DEFAULT = 16_384;
/** More than any model reads today. */
const INPUT_TOKENS_DEFAULT = 2_000_000;
/** The most that OpenAI takes in one call of embeddings, over all texts; of one text it is 8,192. */
const EMBEDDED_TOKENS = 300_000;

/** The prices of an entry of the source with their dates and hours; none if they are not all known. */
export function priceRules(entry: ModelInfo, names: EntryNames): readonly PriceRule[] {
  const limits = limitsFor(entry, names);
  const conditional: readonly ConditionalPrice[] = Array.isArray(entry.prices)
    ? entry.prices
    : [{ prices: entry.prices }];
  const rules = conditional.map(({ constraint, prices }) => {
    const price = priceOf(prices, entry, limits, names);
    return price === null ? null : { price, ...whenOf(constraint) };
  });
  // An entry that is known in part is not known: at some hour nobody could say what it costs.
  return rules.every((rule) => rule !== null) ? rules : [];
}

/** The limits of this very model, else of any other id of its entry. */
export function limitsFor(entry: ModelInfo | null, { source, of, model }: EntryNames): ModelLimits {
  const ids = [model, ...(entry === null ? [] : listedIds(entry))];
  for (const id of ids)
    for (const each of new Set([source, of])) {
      const limits = limitsOf(each, id);
      if (limits !== null) return limits;
    }
  const output = oldCeiling(of, model);
  return output === null ? {} : { output };
}

function whenOf(constraint: ConditionalPrice['constraint']): Omit<PriceRule, 'price'> {
  if (constraint === undefined) return { fromMs: null, untilMs: null, hours: null };
  if (constraint.type === 'start_date')
    return { fromMs: Date.parse(constraint.start_date), untilMs: null, hours: null };
  const hours: DailyHours = { fromMinute: minuteOf(constraint.start_time), untilMinute: minuteOf(constraint.end_time) };
  return { fromMs: null, untilMs: null, hours };
}

/** The minute of the day of `16:30:00Z`. */
function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

const DECIMALS = 9;

/**
 * USD as whole nano-USD. The source has decimals as doubles, of which the ninth decimal is certain: 0.18 stands there
 * as 0.18000000000000002.
 */
function nanoUsd(usd: number): bigint {
  return BigInt(usd.toFixed(DECIMALS).replace('.', ''));
}

function priceOf(
  prices: SourcePrices,
  entry: ModelInfo,
  limits: ModelLimits,
  { source, of, model }: EntryNames,
): ModelPrice | null {
  const usd = (name: string): number | undefined => {
    const price = prices[name];
    return typeof price === 'object' ? price.base : price;
  };
  const nano = (name: string): bigint | undefined => {
    const price = usd(name);
    return price === undefined ? undefined : nanoUsd(price);
  };
  const input = nano('input_mtok');
  const longContext = longContexts(prices);
  if (input === undefined || longContext === null) return null;
  const output = nano('output_mtok');
  const contextTokens = Math.max(
    entry.context_window ?? 0,
    limits.input ?? 0,
    output === undefined ? EMBEDDED_TOKENS : 0,
  );
  const request = usd('requests_kcount');
  const classes = {
    cacheWrite5m: nano('cache_write_5m_mtok') ?? nano('cache_write_mtok'),
    cacheWrite1h: nano('cache_write_1h_mtok'),
    audioInput: nano('input_audio_mtok'),
    // Models that read images without a price for them count an image as so many tokens of text.
    imageInput: nano('input_image_mtok') ?? (limits.sees === true ? input : undefined),
    cachedAudio: nano('cache_audio_read_mtok'),
    reasoning: nano('output_reasoning_mtok'),
    audioOutput: nano('output_audio_mtok'),
    imageOutput: nano('output_image_mtok'),
  };
  const more: MorePrices = {
    classes: Object.fromEntries(Object.entries(classes).filter(([, each]) => each !== undefined)),
    // A thousand calls at so many USD: a nano-USD of the price is a thousandth of one for each call.
    ...(request !== undefined && { requestNanoUsd: nanoUsd(request / 1_000) }),
    toolCalls: toolFeesOf(of, model, {
      [toolOfType('web_search')]: nano('web_searches_kcount'),
      [toolOfType('file_search')]: nano('storage_searches_kcount'),
    }),
    serviceTiers: mapOf(limits.tiers, factorOf),
    speeds: mapOf(limits.speeds, factorOfNumber),
    inferenceGeos: mapOf(limits.geos, factorOfNumber),
    longContext,
  };
  const tokenizer = tokenizerOf(source, model);
  return {
    inputNanoUsdPerMillion: input,
    // What has no price for output has no output: it embeds or ranks.
    outputNanoUsdPerMillion: output ?? 0n,
    cachedInputNanoUsdPerMillion: nano('cache_read_mtok') ?? null,
    maxOutputTokens: limits.output ?? Math.min(OUTPUT_TOKENS_DEFAULT, contextTokens || OUTPUT_TOKENS_DEFAULT),
    contextTokens: contextTokens || INPUT_TOKENS_DEFAULT,
    ...(tokenizer !== null && { tokenizer }),
    ...(hasAny(more) && { more }),
  };
}

function hasAny({
  classes,
  requestNanoUsd,
  toolCalls,
  serviceTiers,
  speeds,
  inferenceGeos,
  longContext,
}: MorePrices): boolean {
  const count = toolCalls.size + serviceTiers.size + speeds.size + inferenceGeos.size + longContext.length;
  return count > 0 || requestNanoUsd !== undefined || Object.keys(classes).length > 0;
}

function mapOf<T>(
  values: Readonly<Record<string, T>> | undefined,
  factor: (value: T) => Factor,
): ReadonlyMap<string, Factor> {
  return new Map(Object.entries(values ?? {}).map(([name, value]) => [name, factor(value)]));
}

const INPUT_PRICES = ['input_mtok', 'cache_write_mtok', 'cache_write_1h_mtok', 'input_audio_mtok', 'input_image_mtok'];

/**
 * The long contexts of a model as multiples of its prices. Null if they are none, so that the price of long inputs is
 * not known.
 */
function longContexts(prices: SourcePrices): LongContext[] | null {
  const starts = new Set(
    Object.values(prices).flatMap((price) => (typeof price === 'object' ? price.tiers.map(({ start }) => start) : [])),
  );
  const contexts = [...starts].map((start) => longContext(prices, start));
  return contexts.every((each) => each !== null) ? contexts : null;
}

function longContext(prices: SourcePrices, start: number): LongContext | null {
  const ratio = (name: string): readonly [bigint, bigint] | undefined => {
    const price = prices[name];
    if (price === undefined) return undefined;
    if (typeof price === 'number') return [1n, 1n];
    const tier = price.tiers.find((each) => each.start === start);
    return tier === undefined ? undefined : [nanoUsd(tier.price), nanoUsd(price.base)];
  };
  const [input, ...rest] = INPUT_PRICES.map(ratio);
  const output = ratio('output_mtok') ?? input;
  const cached = ratio('cache_read_mtok') ?? input;
  if (input === undefined || output === undefined || cached === undefined) return null;
  if (rest.some((each) => each !== undefined && !isSame(each, input))) return null;
  const over = input[1] * output[1] * cached[1];
  const thousandths = ([times, under]: readonly [bigint, bigint]): bigint => (1_000n * times * over) / under;
  const whole = [input, output, cached].every(([times, under]) => under > 0n && (1_000n * times) % under === 0n);
  const factor = { inputThousandths: thousandths(input), outputThousandths: thousandths(output) };
  const own = isSame(cached, input) ? {} : { cachedThousandths: thousandths(cached) };
  if (!whole) return { aboveInputTokens: start, ...factor, ...own, over };
  const divided = Object.entries({ ...factor, ...own }).map(([side, each]) => [side, each / over]);
  return { aboveInputTokens: start, ...(Object.fromEntries(divided) as unknown as Factor) };
}

const isSame = (a: readonly [bigint, bigint], b: readonly [bigint, bigint]): boolean => a[0] * b[1] === b[0] * a[1];
