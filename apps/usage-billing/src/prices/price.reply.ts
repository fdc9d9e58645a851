import { formatUsd } from '@tollgate/credit';
import { listReply } from '@tollgate/http';
import type { Factor, ModelPrice } from '@tollgate/pricing';
import { z } from 'zod';
import type { ListedPrice, PricedTarget } from './price-list.js';

const usd = z.string().describe('A decimal number of USD.');
const perMillion = usd.nullable().describe('USD for a million tokens; null where it has no price of its own.');
const moment = z.string().meta({ format: 'date-time' }).nullable();
const factor = z.object({
  input: z.number(),
  cached_input: z.number(),
  output: z.number(),
});
const factors = z.record(z.string(), factor).describe('What multiplies the prices of tokens where a reply names it.');

const EXAMPLE = {
  object: 'price',
  origin: 'known',
  source: 'openai',
  provider: null,
  model: 'gpt-4o-mini',
  input_usd_per_million: '0.15',
  output_usd_per_million: '0.6',
  cached_input_usd_per_million: '0.075',
  cache_write_usd_per_million: null,
  cache_write_1h_usd_per_million: null,
  reasoning_usd_per_million: null,
  audio_input_usd_per_million: null,
  cached_audio_usd_per_million: null,
  audio_output_usd_per_million: null,
  image_input_usd_per_million: '0.15',
  image_output_usd_per_million: null,
  requests_usd: null,
  tool_calls_usd_per_thousand: { web_search: '10' },
  service_tiers: { batch: { input: 0.5, cached_input: 0.5, output: 0.5 } },
  speeds: {},
  inference_geos: {},
  long_context: [],
  max_output_tokens: 16_384,
  context_tokens: 128_000,
  valid_from: null,
  valid_until: null,
  hours: null,
} as const;

/** A price as the admin API shows it. */
export const priceReply = z
  .object({
    object: z.literal('price'),
    origin: z
      .enum(['organization', 'config', 'known', 'default'])
      .describe(
        "`organization`: the organisation's own price, which goes before all others. `config`: an entry of the file. `known`: the price data. `default`: `default_price` of the file.",
      ),
    source: z.string().nullable().describe('Whose price it is, as `openai`; null for one that the file names itself.'),
    provider: z.string().nullable().describe('The provider of an entry of the file, or of the organisation.'),
    model: z.string().describe('The id of the model, or a pattern of the file; `*` for the default.'),
    input_usd_per_million: usd,
    output_usd_per_million: usd,
    cached_input_usd_per_million: perMillion,
    cache_write_usd_per_million: perMillion,
    cache_write_1h_usd_per_million: perMillion,
    reasoning_usd_per_million: perMillion,
    audio_input_usd_per_million: perMillion,
    cached_audio_usd_per_million: perMillion,
    audio_output_usd_per_million: perMillion,
    image_input_usd_per_million: perMillion,
    image_output_usd_per_million: perMillion,
    requests_usd: usd.nullable().describe('The fee of each call; null for none.'),
    tool_calls_usd_per_thousand: z.record(z.string(), usd),
    service_tiers: factors,
    speeds: factors,
    inference_geos: factors,
    long_context: z.array(factor.extend({ above_input_tokens: z.int() })).readonly(),
    max_output_tokens: z.int(),
    context_tokens: z.int(),
    valid_from: moment.describe('Null: since ever.'),
    valid_until: moment.describe('The first moment at which it does not count; null: for ever.'),
    hours: z
      .object({ from: z.string(), until: z.string() })
      .nullable()
      .describe('The hours of each day (UTC) at which it counts; null: all.'),
  })
  .meta({ id: 'Price', examples: [EXAMPLE] });
export type PriceObject = Readonly<z.input<typeof priceReply>>;

const TARGET_EXAMPLE = { route: 'support-bot', provider: 'openai', model: 'gpt-4o-mini', price: EXAMPLE } as const;

const pricedTarget = z
  .object({
    route: z.string(),
    provider: z.string(),
    model: z.string().describe('`*` for the model that a caller names, whose price is found by its name.'),
    price: priceReply.nullable().describe('The price that counts now; null if its cost is not known.'),
  })
  .meta({ id: 'PricedTarget', examples: [TARGET_EXAMPLE] });

/** A page of prices. */
export const priceListReply = listReply('PriceList', priceReply, EXAMPLE)
  .extend({
    price_version: z.string().describe('The version that usage events of these prices have.'),
    targets: z
      .array(pricedTarget)
      .readonly()
      .describe('Each target of each route, and what it is priced by now; on the first page alone.'),
  })
  .meta({
    id: 'PriceList',
    examples: [
      {
        object: 'list',
        data: [EXAMPLE],
        has_more: false,
        next_cursor: null,
        price_version: '85655c625b91',
        targets: [TARGET_EXAMPLE],
      },
    ],
  });
export type PriceListObject = Readonly<z.input<typeof priceListReply>>;

const VERSION_EXAMPLE = {
  object: 'price_version',
  version: '85655c625b91',
  first_seen_at: '2026-11-29T09:30:00.000Z',
  prices: [EXAMPLE],
} as const;

/** A version of the book, as it was when it was first seen. */
export const priceVersionReply = z
  .object({
    object: z.literal('price_version'),
    version: z.string(),
    first_seen_at: z.string().meta({ format: 'date-time' }),
    prices: z
      .array(priceReply)
      .readonly()
      .describe(
        'The prices of the file, and the known ones of the sources that its providers have; before them those of the organisation.',
      ),
  })
  .meta({ id: 'PriceVersion', examples: [VERSION_EXAMPLE] });
export type PriceVersionObject = Readonly<z.input<typeof priceVersionReply>>;

/** A target and its price, as the admin API shows them. */
export function targetObject({ route, provider, model, price }: PricedTarget): z.input<typeof pricedTarget> {
  return { route, provider, model, price: price === null ? null : priceObject(price) };
}

/** A price as the admin API shows it. */
export function priceObject({ origin, source, provider, model, rule }: ListedPrice): PriceObject {
  const { price, fromMs, untilMs, hours } = rule;
  return {
    object: 'price',
    origin,
    source,
    provider,
    model,
    ...amountsOf(price),
    max_output_tokens: price.maxOutputTokens,
    context_tokens: price.contextTokens,
    valid_from: fromMs === null ? null : new Date(fromMs).toISOString(),
    valid_until: untilMs === null ? null : new Date(untilMs).toISOString(),
    hours: hours === null ? null : { from: timeOf(hours.fromMinute), until: timeOf(hours.untilMinute) },
  };
}

function amountsOf({ more, ...price }: ModelPrice) {
  const amount = (nanoUsd: bigint | null | undefined): string | null => (nanoUsd == null ? null : formatUsd(nanoUsd));
  const classes = more?.classes;
  return {
    input_usd_per_million: formatUsd(price.inputNanoUsdPerMillion),
    output_usd_per_million: formatUsd(price.outputNanoUsdPerMillion),
    cached_input_usd_per_million: amount(price.cachedInputNanoUsdPerMillion),
    cache_write_usd_per_million: amount(classes?.cacheWrite5m),
    cache_write_1h_usd_per_million: amount(classes?.cacheWrite1h),
    reasoning_usd_per_million: amount(classes?.reasoning),
    audio_input_usd_per_million: amount(classes?.audioInput),
    cached_audio_usd_per_million: amount(classes?.cachedAudio),
    audio_output_usd_per_million: amount(classes?.audioOutput),
    image_input_usd_per_million: amount(classes?.imageInput),
    image_output_usd_per_million: amount(classes?.imageOutput),
    requests_usd: amount(more?.requestNanoUsd),
    tool_calls_usd_per_thousand: Object.fromEntries(
      [...(more?.toolCalls ?? [])].map(([tool, fee]) => [tool, formatUsd(fee)]),
    ),
    service_tiers: factorObjects(more?.serviceTiers),
    speeds: factorObjects(more?.speeds),
    inference_geos: factorObjects(more?.inferenceGeos),
    long_context: (more?.longContext ?? []).map(({ aboveInputTokens, ...times }) => ({
      above_input_tokens: aboveInputTokens,
      ...factorObject(times),
    })),
  };
}

function factorObjects(factors: ReadonlyMap<string, Factor> | undefined) {
  return Object.fromEntries([...(factors ?? [])].map(([name, each]) => [name, factorObject(each)]));
}

const THOUSANDTHS = 1_000;

function factorObject({ inputThousandths, outputThousandths, cachedThousandths, over = 1n }: Factor) {
  const times = (thousandths: bigint): number => Number(thousandths) / (THOUSANDTHS * Number(over));
  return {
    input: times(inputThousandths),
    cached_input: times(cachedThousandths ?? inputThousandths),
    output: times(outputThousandths),
  };
}

/** The time of the day of a minute: 90 is `01:30`. */
function timeOf(minute: number): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}
