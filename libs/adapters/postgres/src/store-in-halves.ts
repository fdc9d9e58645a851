import { dataFault } from './data-fault.js';

/**
 * Stores items of a bus together. Where the database refuses some for what they are, halving finds these: `refused` is
 * told of each with the reason, and all others are stored. So no message stops those behind it. `store` may be called
 * again with items that are stored already. Rejects if the database cannot be reached.
 *
 * @example
 * await storeInHalves(told, (some) => store(some), (_, fault) => logger.error({ fault }, 'passed over'));
 */
export async function storeInHalves<Item>(
  items: readonly Item[],
  store: (some: readonly Item[]) => Promise<void>,
  refused: (item: Item, fault: string) => void,
): Promise<void> {
  const [first] = items;
  if (first === undefined) return;
  try {
    await store(items);
  } catch (error) {
    const fault = dataFault(error);
    if (fault === null) throw error;
    const half = Math.floor(items.length / 2);
    if (half === 0) return refused(first, fault);
    await storeInHalves(items.slice(0, half), store, refused);
    await storeInHalves(items.slice(half), store, refused);
  }
}

/** The same for items that are stored one by one. */
export async function storeOneByOne<Item>(
  items: readonly Item[],
  store: (item: Item) => Promise<void>,
  refused: (item: Item, fault: string) => void,
): Promise<void> {
  for (const item of items) await storeInHalves([item], () => store(item), refused);
}
