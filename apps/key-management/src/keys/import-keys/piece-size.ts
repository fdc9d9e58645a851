/** No transaction of an import has more keys. */
const KEYS_MAX = 500;
const KEYS_MIN = 10;
const KEYS_FIRST = 100;
/** What a transaction should take, so that with all that can slow it down it stays below 100 ms. */
const AIM_MS = 40;
/** From one piece to the next it grows at most by this factor. */
const GROWTH_MAX = 2;

/** How many keys one transaction of an import takes: as many as are written in some 40 ms, and never more than 500. */
export class PieceSize {
  #keys = KEYS_FIRST;

  get keys(): number {
    return this.#keys;
  }

  /** Notes that so many keys took so many milliseconds. */
  took(keys: number, ms: number): void {
    const fitting = Math.floor((keys * AIM_MS) / Math.max(ms, 1));
    this.#keys = Math.max(KEYS_MIN, Math.min(KEYS_MAX, this.#keys * GROWTH_MAX, fitting));
  }
}
