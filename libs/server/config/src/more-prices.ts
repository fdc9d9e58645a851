import {
  MORE_CLASSES,
  toolFees,
  type Factor,
  type ModelPrice,
  type MoreClass,
  type MorePrices,
} from '@tollgate/pricing';
import { nanoUsd } from './nano-usd.js';
import type { ConfigFile } from './schema.js';

/** The fields of prices of an entry. */
export type PriceFields = Omit<ConfigFile['prices'][number], 'provider' | 'model'>;
type FactorField = NonNullable<PriceFields['service_tiers']>[string];

/** The field of each class of tokens. */
const CLASS_FIELDS = {
  cacheWrite5m: 'cache_write_usd_per_million',
  cacheWrite1h: 'cache_write_1h_usd_per_million',
  audioInput: 'audio_input_usd_per_million',
  imageInput: 'image_input_usd_per_million',
  cachedAudio: 'cached_audio_usd_per_million',
  reasoning: 'reasoning_usd_per_million',
  audioOutput: 'audio_output_usd_per_million',
  imageOutput: 'image_output_usd_per_million',
} as const satisfies Record<MoreClass, keyof PriceFields>;

/**
 * The prices of an entry that few models have. Nothing if it has none of them, so that its calls are priced in short.
 */
export function morePrices(price: PriceFields): Pick<ModelPrice, 'more'> {
  const more = allMorePrices(price);
  const { classes, requestNanoUsd, toolCalls, serviceTiers, speeds, inferenceGeos, longContext } = more;
  const count = toolCalls.size + serviceTiers.size + speeds.size + inferenceGeos.size + longContext.length;
  return count === 0 && requestNanoUsd === undefined && Object.keys(classes).length === 0 ? {} : { more };
}

/** The prices of an entry that few models have, of which it may have none. */
export function allMorePrices(price: PriceFields): MorePrices {
  const classes: MorePrices['classes'] = Object.fromEntries(
    MORE_CLASSES.flatMap((name) => {
      const usd = price[CLASS_FIELDS[name]];
      return usd === undefined ? [] : [[name, nanoUsd(usd)]];
    }),
  );
  return {
    classes,
    ...(price.requests_usd !== undefined && { requestNanoUsd: nanoUsd(price.requests_usd) }),
    toolCalls: toolFees(
      Object.fromEntries(
        Object.entries(price.tool_calls_usd_per_thousand ?? {}).map(([tool, usd]) => [tool, nanoUsd(usd)]),
      ),
    ),
    serviceTiers: factors(price.service_tiers),
    speeds: factors(price.speeds),
    inferenceGeos: factors(price.inference_geos),
    longContext: (price.long_context ?? []).map(({ above_input_tokens, input_times, output_times }) => ({
      aboveInputTokens: above_input_tokens,
      inputThousandths: thousandths(input_times),
      outputThousandths: thousandths(output_times),
    })),
  };
}

function factors(fields: Readonly<Record<string, FactorField>> | undefined): ReadonlyMap<string, Factor> {
  return new Map(Object.entries(fields ?? {}).map(([name, field]) => [name, factorOf(field)]));
}

function factorOf(field: FactorField): Factor {
  const { input, output } = typeof field === 'number' ? { input: field, output: field } : field;
  return { inputThousandths: thousandths(input), outputThousandths: thousandths(output) };
}

/** The schema lets three decimals pass at most, which a double keeps. */
function thousandths(times: number): bigint {
  return BigInt(Math.round(times * 1_000));
}
