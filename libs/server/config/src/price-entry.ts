import type { ModelPrice } from '@tollgate/pricing';
import type { LikeKnown, PriceEntry } from './config.js';
import type { PriceOverrides } from './like-known.js';
import { allMorePrices, morePrices, type PriceFields } from './more-prices.js';
import { nanoUsd } from './nano-usd.js';
import { CONTEXT_TOKENS_DEFAULT, type ConfigFile } from './schema.js';

/** The longest answer of a model of which nothing is known. */
const OUTPUT_TOKENS_DEFAULT = 16_384;

/** An entry of `prices` in config.yaml. */
export function toPriceEntry(entry: ConfigFile['prices'][number]): PriceEntry {
  const { provider, model, valid_from, valid_until, hours } = entry;
  const like = likeOf(entry);
  return {
    provider,
    model,
    price: like === null ? toModelPrice(entry) : null,
    ...(like !== null && { like }),
    ...(like === null && entry.max_output_tokens === undefined && { isCeilingOpen: true }),
    ...(like === null && entry.context_tokens === undefined && { isContextOpen: true }),
    ...(valid_from !== undefined && { fromMs: Date.parse(valid_from) }),
    ...(valid_until !== undefined && { untilMs: Date.parse(valid_until) }),
    ...(hours !== undefined && { hours: { fromMinute: minuteOf(hours.from), untilMinute: minuteOf(hours.until) } }),
  };
}

/** The known model whose price an entry takes; null for an entry with a price of its own. */
function likeOf(entry: ConfigFile['prices'][number]): LikeKnown | null {
  const { like, source } = entry;
  const overrides = { ...overridesOf(entry), more: allMorePrices(entry) };
  if (source !== undefined) return { source, model: null, overrides };
  if (like === undefined) return null;
  const slash = like.indexOf('/');
  return { source: like.slice(0, slash), model: like.slice(slash + 1), overrides };
}

/** The minute of the day of `16:30`. */
function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

/** The price of fields that name those of input and output, as the schema demands. */
export function toModelPrice(fields: PriceFields): ModelPrice {
  return {
    inputNanoUsdPerMillion: nanoUsd(fields.input_usd_per_million ?? 0),
    outputNanoUsdPerMillion: nanoUsd(fields.output_usd_per_million ?? 0),
    cachedInputNanoUsdPerMillion: null,
    maxOutputTokens: OUTPUT_TOKENS_DEFAULT,
    contextTokens: CONTEXT_TOKENS_DEFAULT,
    ...overridesOf(fields),
    ...morePrices(fields),
  };
}

/** What the fields of an entry say, and nothing for what they leave out. */
function overridesOf(fields: PriceFields): Omit<PriceOverrides, 'more'> {
  const amount = (name: string, usd: string | number | undefined): object =>
    usd === undefined ? {} : { [name]: nanoUsd(usd) };
  return {
    ...amount('inputNanoUsdPerMillion', fields.input_usd_per_million),
    ...amount('outputNanoUsdPerMillion', fields.output_usd_per_million),
    ...amount('cachedInputNanoUsdPerMillion', fields.cached_input_usd_per_million),
    ...(fields.max_output_tokens !== undefined && { maxOutputTokens: fields.max_output_tokens }),
    ...(fields.context_tokens !== undefined && { contextTokens: fields.context_tokens }),
    ...(fields.tokenizer !== undefined && { tokenizer: fields.tokenizer }),
    ...(fields.image_tokens_max !== undefined && { imageTokensMax: fields.image_tokens_max }),
    ...(fields.audio_tokens_per_second !== undefined && { audioTokensPerSecond: fields.audio_tokens_per_second }),
  };
}
