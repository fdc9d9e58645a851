import { spreadOf, type Spread } from './statistics.js';
import type { Window } from './window.js';

/** A median above this is worse: what is below it is within what the same build differs from itself. */
export const WORSE_ABOVE = 1.03;

type Verdict = 'worse' | 'not worse';

/** This build against a former one under one scenario's load. */
export interface Comparison {
  /** CPU time a request of this build's gateway over the former one's, of the same round each. */
  readonly cpuRatio: Spread;
  readonly verdict: Verdict;
}

/**
 * Compares round by round, since a machine's pace changes from one round to the next. Both lists have one window a
 * round, in order. Throws a RangeError where they differ in length or are empty.
 */
export function compare(current: readonly Window[], former: readonly Window[]): Comparison {
  if (current.length !== former.length) {
    throw new RangeError(`${current.length} rounds of one build and ${former.length} of the other`);
  }
  const cpuRatio = spreadOf(current.map((window, n) => window.cpuMicroseconds / former[n]!.cpuMicroseconds));
  return { cpuRatio, verdict: cpuRatio.median > WORSE_ABOVE ? 'worse' : 'not worse' };
}
