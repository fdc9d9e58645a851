import type { Factor, ModelPrice } from './model-price.js';

/** How a request asks to be served. Null for what it leaves to the provider. */
export interface AskedModes {
  readonly serviceTier: string | null;
  readonly speed: string | null;
  readonly inferenceGeo: string | null;
}

/** The field of a mode that has no price, and its value. */
export interface UnpricedMode {
  readonly field: 'service_tier' | 'speed' | 'inference_geo';
  readonly value: string;
}

export const ONCE: Factor = { inputThousandths: 1_000n, outputThousandths: 1_000n };
const THOUSANDTHS = 1_000n;

/** Tiers that cost what the price book says. The last two are of capacity that was paid for beforehand. */
const USUAL_TIERS: ReadonlySet<string> = new Set([
  ...['default', 'standard', 'standard_only', 'on_demand'],
  ...['scale', 'reserved'],
]);
/** Tiers that cost less than the usual one at each provider that has them. Without a factor they cost the same. */
const CHEAPER_TIERS: ReadonlySet<string> = new Set(['flex', 'batch']);
/** By it a request leaves the tier to the provider, whose account has a setting for it. */
const ANY_TIER = 'auto';
const USUAL_SPEED = 'standard';
const ANYWHERE = 'global';
/** OpenAI renamed a tier; it takes both names, and replies have either. */
const OTHER_NAMES: Readonly<Record<string, string>> = { priority: 'fast', fast: 'priority' };

/** The factor of a tier that served or may serve a call; undefined if it has none. */
export function tierFactor(tiers: ReadonlyMap<string, Factor>, tier: string): Factor | undefined {
  return tiers.get(tier) ?? (Object.hasOwn(OTHER_NAMES, tier) ? tiers.get(OTHER_NAMES[tier]!) : undefined);
}

/**
 * All that a request names, or a reply says that it was served in, that may cost more than the price says, and has no
 * factor in the price. Without a bound such a request cannot be admitted to an account with a limit, and what such a
 * reply cost is not known.
 */
export function unpricedModes({ more }: ModelPrice, asked: AskedModes): readonly UnpricedMode[] {
  const { serviceTier, speed, inferenceGeo } = asked;
  const unpriced: UnpricedMode[] = [];
  if (
    serviceTier !== null &&
    serviceTier !== ANY_TIER &&
    !USUAL_TIERS.has(serviceTier) &&
    !CHEAPER_TIERS.has(serviceTier) &&
    (more === undefined || tierFactor(more.serviceTiers, serviceTier) === undefined)
  )
    unpriced.push({ field: 'service_tier', value: serviceTier });
  if (speed !== null && speed !== USUAL_SPEED && more?.speeds.has(speed) !== true)
    unpriced.push({ field: 'speed', value: speed });
  if (inferenceGeo !== null && inferenceGeo !== ANYWHERE && more?.inferenceGeos.has(inferenceGeo) !== true)
    unpriced.push({ field: 'inference_geo', value: inferenceGeo });
  return unpriced;
}

/**
 * The highest factor that may apply to a request. A tier or a place that it does not name is the provider's choice, by
 * the settings of the account there; a tier that it names may still be served as the usual one.
 */
export function dearestFactor({ more }: ModelPrice, asked: AskedModes | null, inputTokensMax: number): Factor {
  if (more === undefined) return ONCE;
  const { serviceTiers, speeds, inferenceGeos, longContext } = more;
  const tier = asked?.serviceTier ?? ANY_TIER;
  const geo = asked?.inferenceGeo ?? null;
  const speed = asked?.speed ?? null;
  return [
    dearest(tier === ANY_TIER ? [...serviceTiers.values()] : [tierFactor(serviceTiers, tier)]),
    dearest(speed === null ? [] : [speeds.get(speed)]),
    dearest(geo === null ? [...inferenceGeos.values()] : [inferenceGeos.get(geo)]),
    dearest(longContext.filter(({ aboveInputTokens }) => inputTokensMax > aboveInputTokens)),
  ].reduce(product);
}

function dearest(factors: readonly (Factor | undefined)[]): Factor {
  return factors.reduce<Factor>((most, each) => (each === undefined ? most : highest(most, each)), ONCE);
}

/** The higher one of two factors on each side. Both are brought to what divides either. */
function highest(a: Factor, b: Factor): Factor {
  const [overA, overB] = [a.over ?? 1n, b.over ?? 1n];
  return {
    inputThousandths: larger(a.inputThousandths * overB, b.inputThousandths * overA),
    outputThousandths: larger(a.outputThousandths * overB, b.outputThousandths * overA),
    cachedThousandths: larger(cachedOf(a) * overB, cachedOf(b) * overA),
    over: overA * overB,
  };
}

const cachedOf = ({ cachedThousandths, inputThousandths }: Factor): bigint => cachedThousandths ?? inputThousandths;

/** Both factors together, exactly. */
export function product(a: Factor, b: Factor | undefined): Factor {
  if (b === undefined || b === ONCE) return a;
  if (a === ONCE) return b;
  return {
    inputThousandths: a.inputThousandths * b.inputThousandths,
    outputThousandths: a.outputThousandths * b.outputThousandths,
    cachedThousandths: cachedOf(a) * cachedOf(b),
    over: (a.over ?? 1n) * (b.over ?? 1n) * THOUSANDTHS,
  };
}

/** Functions that multiply a price by one side of a factor. What is no whole number is rounded up. */
export function multipliers(
  factor: Factor,
): Readonly<Record<'input' | 'cached' | 'output', (price: bigint) => bigint>> {
  const divisor = (factor.over ?? 1n) * THOUSANDTHS;
  const by = (times: bigint) =>
    times === divisor ? (price: bigint) => price : (price: bigint) => (price * times + divisor - 1n) / divisor;
  return { input: by(factor.inputThousandths), cached: by(cachedOf(factor)), output: by(factor.outputThousandths) };
}

export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
