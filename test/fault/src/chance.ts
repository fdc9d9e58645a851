/** Random numbers of one fault: the same for the same seed and name, whatever other faults run beside it. */
export class Chance {
  #state: number;

  constructor(
    readonly seed: number,
    name: string,
  ) {
    this.#state = [...name].reduce((state, letter) => step(state ^ letter.codePointAt(0)!), step(seed));
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    this.#state = step(this.#state);
    return low + Math.floor((this.#state / 2 ** 32) * (high - low + 1));
  }
}

/** A linear congruential step (Numerical Recipes), on 32 bits. */
function step(state: number): number {
  return (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
}
