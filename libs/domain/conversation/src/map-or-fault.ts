import type { Fault } from './dialect-codec.js';
import { isFault } from './fault.js';

/** Maps the items of a list; the first fault takes the place of all. */
export function mapOrFault<T, R>(items: readonly T[], map: (item: T, at: number) => R | Fault): readonly R[] | Fault {
  const mapped: R[] = [];
  for (const [at, item] of items.entries()) {
    const result = map(item, at);
    if (isFault(result)) return result;
    mapped.push(result);
  }
  return mapped;
}
