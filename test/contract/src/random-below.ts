/**
 * Makes a random generator of whole numbers in [0, bound). Its numbers depend only on the seed and the number of the
 * life, so that a failed life can be repeated.
 */
export function randomBelow(seed: number, life: number): (bound: number) => number {
  let state = (seed ^ Math.imul(life + 1, 2_654_435_761)) >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
