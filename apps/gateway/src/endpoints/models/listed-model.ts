import type { ModelPrice } from '@tollgate/pricing';
import type { Route } from '../../request-path/choose-route/route-table.js';

/** A model as a list shows it: the name that a caller writes in `model`, and what is known of it. */
export interface ListedModel {
  readonly id: string;
  /** The provider that is asked first, as far as weights do not decide. */
  readonly ownedBy: string;
  /** The highest prices among its targets, in nano-USD for a million tokens: no call costs more. */
  readonly inputNanoUsdPerMillion: bigint;
  readonly outputNanoUsdPerMillion: bigint;
  readonly cachedInputNanoUsdPerMillion: bigint;
  /** The least among its targets: every one of them takes as much. */
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
}

/** The model of a name and its route. `targets` are those of the route that the key may reach, at least one. */
export function listedModel(id: string, targets: Route['targets']): ListedModel {
  const prices = targets.map(({ price }) => price);
  const highest = (of: (price: ModelPrice) => bigint): bigint =>
    prices.map(of).reduce((most, each) => (each > most ? each : most), 0n);
  return {
    id,
    ownedBy: targets[0]?.provider.name ?? '',
    inputNanoUsdPerMillion: highest((price) => price.inputNanoUsdPerMillion),
    outputNanoUsdPerMillion: highest((price) => price.outputNanoUsdPerMillion),
    cachedInputNanoUsdPerMillion: highest(
      (price) => price.cachedInputNanoUsdPerMillion ?? price.inputNanoUsdPerMillion,
    ),
    contextTokens: Math.min(...prices.map(({ contextTokens }) => contextTokens)),
    maxOutputTokens: Math.min(...prices.map(({ maxOutputTokens }) => maxOutputTokens)),
  };
}
