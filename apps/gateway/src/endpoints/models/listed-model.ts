import { classPrices, type ClassPrices } from '@tollgate/pricing';
import { toolOfType } from '@tollgate/usage';
import { imageRuleOf } from '../../request-path/usage/image-families.js';
import type { Route } from '../../request-path/choose-route/route-table.js';

type Media = 'image' | 'audio';

/** A model as a list shows it: the name that a caller writes in `model`, and what is known of it. */
export interface ListedModel {
  readonly id: string;
  /** The provider that is asked first, as far as weights do not decide. */
  readonly ownedBy: string;
  /**
   * The highest price of each class of tokens among its targets, in nano-USD for a million tokens; null if one has
   * none. At the usual tier, speed and place, and with no long context, no call costs more.
   */
  readonly prices: ClassPrices;
  /** Whether the price of one of its targets is not known. */
  readonly unpriced: boolean;
  /** The highest fee of a call among its targets, in nano-USD; 0 for none. */
  readonly requestNanoUsd: bigint;
  /** The highest fee of a search on the web among its targets, in nano-USD for a thousand; 0 for none. */
  readonly searchNanoUsdPerThousand: bigint;
  /** What all of its targets are known to read besides text, and what they are known to answer with. */
  readonly reads: readonly Media[];
  readonly answersWith: readonly Media[];
  /** The least among its targets: every one of them takes as much. */
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
}

const WEB_SEARCH = toolOfType('web_search');

/** The model of a name and its route. `targets` are those of the route that the key may reach, at least one. */
export function listedModel(id: string, targets: Route['targets']): ListedModel {
  const prices = targets.map(({ price }) => price);
  return {
    id,
    ownedBy: targets[0]?.provider.name ?? '',
    prices: prices.map((price) => classPrices(price)).reduce(highestOfEach),
    unpriced: targets.some(({ unpriced }) => unpriced === true),
    requestNanoUsd: prices.map(({ more }) => more?.requestNanoUsd ?? 0n).reduce(higher, 0n),
    searchNanoUsdPerThousand: prices.map(({ more }) => more?.toolCalls.get(WEB_SEARCH) ?? 0n).reduce(higher, 0n),
    reads: media(targets.every(readsImages), targets.every(hears)),
    answersWith: media(
      prices.every(({ more }) => more?.classes.imageOutput !== undefined),
      prices.every(({ more }) => more?.classes.audioOutput !== undefined),
    ),
    contextTokens: Math.min(...prices.map(({ contextTokens }) => contextTokens)),
    maxOutputTokens: Math.min(...prices.map(({ maxOutputTokens }) => maxOutputTokens)),
  };
}

const higher = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Null if either is not known. */
const higherKnown = (a: bigint | null, b: bigint | null): bigint | null =>
  a === null || b === null ? null : higher(a, b);

function highestOfEach(a: ClassPrices, b: ClassPrices): ClassPrices {
  const names = Object.keys(a) as (keyof ClassPrices)[];
  return Object.fromEntries(names.map((name) => [name, higherKnown(a[name], b[name])])) as ClassPrices;
}

function media(images: boolean, sound: boolean): readonly Media[] {
  return [...(images ? (['image'] as const) : []), ...(sound ? (['audio'] as const) : [])];
}

/** A family of models has a rule for images if it reads them; others say so by their price. */
function readsImages({ model, price }: Route['targets'][number]): boolean {
  return (
    imageRuleOf(model) !== null || price.imageTokensMax !== undefined || price.more?.classes.imageInput !== undefined
  );
}

function hears({ price }: Route['targets'][number]): boolean {
  return price.audioTokensPerSecond !== undefined || price.more?.classes.audioInput !== undefined;
}
