import { describe, expect, it } from 'vitest';
import { RefusedSums } from './refused-sums.js';

const START = Date.parse('2026-11-29T12:00:00.000Z');
const MINUTE = '2026-11-29T12:00:00.000Z';

describe('the sums of refused calls', () => {
  it('are told once they change, and are those of the whole minute each time', () => {
    const sums = new RefusedSums();
    for (let n = 0; n < 3; n++) sums.note('o', 'k', 'quota_exceeded', START + n);
    sums.note('o', 'k', 'access_denied', START + 5);
    expect(sums.take(START + 10_000)).toEqual([
      {
        organizationId: 'o',
        minute: MINUTE,
        refusals: [
          { apiKeyId: 'k', code: 'quota_exceeded', calls: 3 },
          { apiKeyId: 'k', code: 'access_denied', calls: 1 },
        ],
      },
    ]);
    expect(sums.take(START + 15_000)).toEqual([]);
    sums.note('o', 'k', 'access_denied', START + 20_000);
    expect(sums.take(START + 25_000)[0]?.refusals).toMatchObject([{ calls: 3 }, { calls: 2 }]);
    sums.note('o', 'k', 'access_denied', START + 60_000);
    expect(sums.take(START + 60_001)).toMatchObject([{ minute: '2026-11-29T12:01:00.000Z', refusals: [{ calls: 1 }] }]);
  });

  it('come again when they could not be told, with what came meanwhile', () => {
    const sums = new RefusedSums();
    sums.note('o', 'k', 'quota_exceeded', START);
    const taken = sums.take(START + 90_000);
    sums.note('o', 'other', 'quota_exceeded', START + 91_000);
    sums.putBack(taken);
    expect(sums.take(START + 95_000)).toHaveLength(2);
    expect(sums.take(START + 99_000)).toEqual([]);
  });

  it('are bounded: of ever more keys the organisation and the code are counted', () => {
    const sums = new RefusedSums();
    for (let n = 0; n < 50_000; n++) sums.note('o', `key ${n}`, 'quota_exceeded', START);
    const [{ refusals = [] } = {}] = sums.take(START);
    expect(refusals).toHaveLength(5_001);
    expect(refusals.reduce((sum, { calls }) => sum + calls, 0)).toBe(50_000);
    expect(refusals.at(-1)).toEqual({ apiKeyId: '*', code: 'quota_exceeded', calls: 45_000 });
    for (let n = 0; n < 50_000; n++) sums.note(`organisation ${n}`, 'k', 'quota_exceeded', START);
    expect(sums.take(START).length).toBeLessThanOrEqual(10_000);
  });

  it('of an hour without a bus are the last ones', () => {
    const sums = new RefusedSums();
    for (let n = 0; n < 100; n++) {
      sums.note('o', 'k', 'quota_exceeded', START + n * 60_000);
      sums.putBack(sums.take(START + n * 60_000 + 59_999));
    }
    expect(sums.take(START + 99 * 60_000)).toHaveLength(60);
  });
});
