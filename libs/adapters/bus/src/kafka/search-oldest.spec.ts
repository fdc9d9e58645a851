import { describe, expect, it } from 'vitest';
import { searchOldest } from './search-oldest.js';

const NOW_MS = Date.UTC(2026, 10, 29, 12);

describe('searchOldest', () => {
  it.each([0, 1, 499, 500, 501, 1_999, 60_000, 3_600_000, 30 * 86_400_000])(
    'finds a record that has waited for %d ms: never less, and a twentieth more at most',
    async (ageMs) => {
      let questions = 0;
      const atMs = await searchOldest(NOW_MS, async (sinceMs) => {
        questions += 1;
        return sinceMs <= NOW_MS - ageMs;
      });
      expect(NOW_MS - atMs).toBeGreaterThanOrEqual(ageMs);
      expect(NOW_MS - atMs).toBeLessThanOrEqual(ageMs + Math.max(500, ageMs / 19));
      expect(questions).toBeLessThanOrEqual(35);
    },
  );
  it('ends where a record claims to be older than any log', async () => {
    expect(await searchOldest(NOW_MS, async () => false)).toBeLessThan(NOW_MS);
  });
});
