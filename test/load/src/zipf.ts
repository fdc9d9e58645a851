/**
 * Draws from a Zipf distribution: number k of `count` (from 1) comes with a weight of 1 / k^exponent. `random` is in
 * [0, 1); a seeded one gives the same draws again.
 */
export function zipfDraws(count: number, exponent: number, draws: number, random: () => number): number[] {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let k = 1; k <= count; k++) cumulative[k - 1] = sum += 1 / k ** exponent;
  return Array.from({ length: draws }, () => firstAbove(cumulative, random() * sum) + 1);
}

function firstAbove(cumulative: Float64Array, value: number): number {
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Random numbers in [0, 1) that follow from the seed alone (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
