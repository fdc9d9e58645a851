import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchPace } from './body-pace.js';

const MIB = 1_048_576;
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** After how many seconds a body that comes so fast is given up; null for one that becomes whole. */
function givenUpAfter(
  sizeBytes: number | null,
  bytesAfter: (seconds: number) => number,
  wholeBytes: number,
): number | null {
  let givenUp: number | null = null;
  let seconds = 0;
  const unwatch = watchPace(
    { bytes: () => bytesAfter(seconds), sizeBytes, timeoutMs: 120_000 },
    () => (givenUp ??= seconds),
  );
  while (givenUp === null && bytesAfter(seconds) < wholeBytes && seconds < 120) {
    seconds += 1;
    vi.advanceTimersByTime(1_000);
  }
  unwatch();
  return givenUp;
}

describe('a large body on its way', () => {
  it.each([
    ['of which nothing comes', 32 * MIB, () => 0, 10],
    ['that comes by the byte', 32 * MIB, (s: number) => s, 10],
    ['a little slower than it must', 32 * MIB, (s: number) => (s * 31 * MIB) / 120, 10],
    ['that stops after its half', 32 * MIB, (s: number) => Math.min(s * MIB, 16 * MIB), 70],
    ['of no known size that comes by the byte', null, (s: number) => s, 10],
    ['of no known size that stops', null, (s: number) => Math.min(s * MIB, MIB), 170],
  ] as const)('is given up when it is clear that it cannot be whole in time: %s', (_name, size, bytesAfter, after) => {
    expect(givenUpAfter(size, bytesAfter, 32 * MIB)).toBe(after <= 120 ? after : null);
  });
  it.each([
    ['at once', 32 * MIB, () => 32 * MIB],
    ['just in time', 32 * MIB, (s: number) => Math.min((s * 32 * MIB) / 119, 32 * MIB)],
    ['a small one of which nothing comes', 64 * 1_024, () => 0],
    ['of 65 KiB in 9 s', 65 * 1_024, (s: number) => (s >= 9 ? 65 * 1_024 : 0)],
    ['of no known size, 64 KiB in 10 s', null, (s: number) => s * 6_554],
  ] as const)('is let come: %s', (_name, size, bytesAfter) => {
    expect(givenUpAfter(size, bytesAfter, size ?? 500_000)).toBeNull();
  });
});
