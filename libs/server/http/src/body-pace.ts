import { SMALL_BODY_BYTES } from './body-budget.js';

const LOOK_MS = 10_000;
const NOT_WATCHED = (): void => undefined;

/**
 * Looks every 10 s whether a large body comes fast enough, and calls `tooSlow` once where it does not; of a small one
 * it does nothing. A large one takes room that others wait for, so it must come as fast as is needed to be whole within
 * the time that a request has: who is slower would be cut off at the end of that time anyway. Of one whose size is not
 * known 64 KiB are asked for each look. Call what is returned when the body is whole, or is not read any more.
 */
export function watchPace(
  {
    bytes,
    sizeBytes,
    timeoutMs,
  }: {
    /** How many have come. */
    readonly bytes: () => number;
    /** How many there are to be; null where that is not known. */
    readonly sizeBytes: number | null;
    /** What the server gives a whole request. */
    readonly timeoutMs: number;
  },
  tooSlow: () => void,
): () => void {
  if (sizeBytes !== null && sizeBytes <= SMALL_BODY_BYTES) return NOT_WATCHED;
  const bytesPerLook = Math.max(SMALL_BODY_BYTES, ((sizeBytes ?? 0) * LOOK_MS) / timeoutMs);
  let looks = 0;
  const timer = setInterval(() => {
    looks += 1;
    if (bytes() >= Math.min(sizeBytes ?? Infinity, looks * bytesPerLook)) return;
    clearInterval(timer);
    tooSlow();
  }, LOOK_MS).unref();
  return () => clearInterval(timer);
}
