import { describe, expect, it } from 'vitest';
import { activityDays, dateOf } from './activity-days.js';

const NOW = Date.parse('2026-03-29T00:00:00.000Z');

describe('the days of activity', () => {
  it.each([NOW, NOW + 86_399_999])('are the thirty that are over, of 24 hours each', (now) => {
    const bounds = activityDays(undefined, now)!;
    expect(bounds.map(dateOf)).toMatchObject({ 0: '2026-02-27', 29: '2026-03-28', 30: '2026-03-29', length: 31 });
    expect(new Set(bounds.slice(1).map((at, n) => at - bounds[n]!))).toEqual(new Set([86_400_000]));
  });
  it.each(['2026-02-27', '2026-03-28'])('can be asked for one by one: %s', (date) => {
    const from = Date.parse(date);
    expect(activityDays(date, NOW)).toEqual([from, from + 86_400_000]);
  });
  it.each(['2026-02-26', '2026-03-29', '2026-02-30', '28-03-2026', '2026-3-28', 'yesterday', ''])(
    'are not %s',
    (date) => {
      expect(activityDays(date, NOW)).toBeNull();
    },
  );
});
