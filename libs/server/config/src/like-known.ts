import type { ModelPrice, MorePrices } from '@tollgate/pricing';

/** What an entry of `prices` says instead of the price of a known model. */
export type PriceOverrides = Partial<ModelPrice>;

/** The price of a known model, with what an entry says instead. Of lists, the entry's names replace the known ones. */
export function withOverrides(known: ModelPrice, own: PriceOverrides): ModelPrice {
  const more = withMore(known.more, own.more);
  return { ...known, ...own, ...(more !== undefined && { more }) };
}

function withMore(known: MorePrices | undefined, own: MorePrices | undefined): MorePrices | undefined {
  if (known === undefined || own === undefined) return known ?? own;
  const both = <T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...a, ...b]);
  return {
    ...known,
    ...own,
    classes: { ...known.classes, ...own.classes },
    toolCalls: both(known.toolCalls, own.toolCalls),
    serviceTiers: both(known.serviceTiers, own.serviceTiers),
    speeds: both(known.speeds, own.speeds),
    inferenceGeos: both(known.inferenceGeos, own.inferenceGeos),
    longContext: own.longContext.length > 0 ? own.longContext : known.longContext,
  };
}
