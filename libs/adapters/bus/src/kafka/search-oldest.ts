/** The age, in milliseconds, that is told exactly; of greater ages a twentieth is left open. */
const EXACT_MS = 500;
const SHARE_LEFT_OPEN = 20;
/** Ten years: no log is older. */
const AGE_MAX_MS = 10 * 365 * 86_400_000;

/**
 * Finds the moment of the oldest record that waits, in milliseconds since 1970: Kafka tells which records are of a
 * moment or later, but not of what moment a record is. `areAllSince` says whether all that wait are of this moment or
 * later. Ages are doubled until all are younger, and the last step is then halved; a second or two of waiting takes few
 * questions, a month some thirty. The answer is no later than the record.
 */
export async function searchOldest(nowMs: number, areAllSince: (atMs: number) => Promise<boolean>): Promise<number> {
  let younger = 0;
  let older = EXACT_MS;
  while (older < AGE_MAX_MS && !(await areAllSince(nowMs - older))) {
    younger = older;
    older *= 2;
  }
  while (older - younger > Math.max(EXACT_MS, older / SHARE_LEFT_OPEN)) {
    const middle = Math.floor((younger + older) / 2);
    if (await areAllSince(nowMs - middle)) older = middle;
    else younger = middle;
  }
  return nowMs - older;
}
