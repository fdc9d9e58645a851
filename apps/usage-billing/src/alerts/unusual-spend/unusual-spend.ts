/** A key that spent something today, in nano-USD. */
export interface KeyDay {
  readonly spentNanoUsd: bigint;
  /** The second dearest of the 28 days before; 0 if there were not two. */
  readonly usualNanoUsd: bigint;
  /** Whether it was used a week ago or earlier: of a young key nobody knows what is usual. */
  readonly known: boolean;
}

/** So many times the usual is unusual. */
const TIMES = 3n;

/**
 * Whether a key spends far more than in its last weeks: more than three times what the second dearest of the 28 days
 * before was, and no less than a floor. The dearest day is left out, so that one bad day does not hide the next; a key
 * that is dear once a week has four such days, and is not told of.
 */
export function isUnusual({ spentNanoUsd, usualNanoUsd, known }: KeyDay, floorNanoUsd: bigint): boolean {
  return known && spentNanoUsd >= floorNanoUsd && spentNanoUsd > TIMES * usualNanoUsd && spentNanoUsd > 0n;
}
