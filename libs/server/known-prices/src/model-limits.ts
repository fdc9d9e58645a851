import { readFileSync } from 'node:fs';
import type { Factor } from '@tollgate/pricing';

/** Where the limits of models are kept. `import-limits.ts` writes the file. */
export const LIMITS_FILE = new URL('../data/model-limits.json', import.meta.url);

/** What is known of a model besides its prices. */
export interface ModelLimits {
  /** The longest answer and the longest input, in tokens. */
  readonly output?: number;
  readonly input?: number;
  /** Whether it reads images. */
  readonly sees?: true;
  /** What the prices are multiplied by where a reply names this tier, place or speed. */
  readonly tiers?: Readonly<Record<string, Ratio>>;
  readonly geos?: Readonly<Record<string, number>>;
  readonly speeds?: Readonly<Record<string, number>>;
}

/** Fractions by which prices are multiplied; without one of its own, cached input is as other input. */
export interface Ratio {
  readonly input: Fraction;
  readonly output: Fraction;
  readonly cached?: Fraction;
}

type Fraction = readonly [over: number, under: number];

/** The form of the file. */
export interface LimitsFile {
  readonly origin: { readonly package: string; readonly version: string; readonly license: string };
  readonly sources: Readonly<Record<string, Readonly<Record<string, ModelLimits>>>>;
}

let read: LimitsFile | null = null;

/** The file, read once. */
export function limitsFile(): LimitsFile {
  return (read ??= JSON.parse(readFileSync(LIMITS_FILE, 'utf8')) as LimitsFile);
}

/** The limits of a model of a source; null if they are not known. */
export function limitsOf(source: string, model: string): ModelLimits | null {
  const models = limitsFile().sources[source];
  return models !== undefined && Object.hasOwn(models, model) ? (models[model] ?? null) : null;
}

const THOUSAND = 1_000n;

/** A ratio as a factor of prices: all sides over one number. */
export function factorOf({ input, output, cached }: Ratio): Factor {
  const over = [input, output, ...(cached === undefined ? [] : [cached])].reduce(
    (all, [, under]) => all * BigInt(under),
    1n,
  );
  const thousandths = ([times, under]: Fraction): bigint => (THOUSAND * BigInt(times) * over) / BigInt(under);
  const factor: Factor = {
    inputThousandths: thousandths(input),
    outputThousandths: thousandths(output),
    ...(cached !== undefined && { cachedThousandths: thousandths(cached) }),
  };
  const isWhole = Object.values(factor).every((each: bigint) => each % over === 0n);
  if (!isWhole) return { ...factor, over };
  return Object.fromEntries(
    Object.entries(factor).map(([side, each]) => [side, (each as bigint) / over]),
  ) as unknown as Factor;
}

/** One number for all prices, with at most three decimals. */
export function factorOfNumber(times: number): Factor {
  const thousandths = BigInt(Math.round(times * 1_000));
  return { inputThousandths: thousandths, outputThousandths: thousandths };
}
