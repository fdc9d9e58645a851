import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { FoundKey } from '../../store/key-store.js';
import { DigestLookUps } from './digest-look-ups.js';

/** A fake table of keys. The test answers each query by hand, in order. */
function table(keys: Record<string, FoundKey> = {}) {
  const queries: { digests: readonly string[]; answer(): void; fail(error: Error): void }[] = [];
  const counted: Record<string, number> = {};
  const lookUps = new DigestLookUps(
    {
      lookUp: (digests) =>
        new Promise((resolve, reject) => {
          const found = digests.flatMap((digest) =>
            keys[digest] === undefined ? [] : [[digest, keys[digest]] as const],
          );
          queries.push({ digests, answer: () => resolve(new Map(found)), fail: reject });
        }),
    },
    {
      lookedUp: (outcome, digests) => void (counted[outcome] = (counted[outcome] ?? 0) + digests),
      lookUpQuery: () => void (counted['queries'] = (counted['queries'] ?? 0) + 1),
    },
  );
  return { lookUps, queries, counted };
}
const KEY = { key: { id: 'k' } } as FoundKey;
const strangers = (lookUps: DigestLookUps, count: number, name = 's') =>
  Array.from({ length: count }, (_, n) => lookUps.find(`${name}${n}`));

describe('look-ups of digests', () => {
  it('of a thousand strangers at once are one query', async () => {
    const { lookUps, queries, counted } = table();
    const asked = strangers(lookUps, 1_000);
    await turn();
    expect(queries.map(({ digests }) => digests.length)).toEqual([1_000]);
    queries[0]!.answer();
    expect(new Set(await Promise.all(asked))).toEqual(new Set([null]));
    expect(counted).toMatchObject({ queries: 1, unknown: 1_000 });
  });

  it('are never two queries at once: what comes meanwhile waits for one more, in the order in which it came', async () => {
    const { lookUps, queries } = table({ good: KEY });
    const first = strangers(lookUps, 10, 'a');
    await turn();
    const [good, later] = [lookUps.find('good'), strangers(lookUps, 1_500, 'b')];
    await turn();
    expect(queries.length).toBe(1);
    queries[0]!.answer();
    await Promise.all(first);
    await vi.waitUntil(() => queries.length === 2, { timeout: 20_000 });
    expect(queries.map(({ digests }) => digests.length)).toEqual([10, 1_000]);
    expect(queries[1]!.digests[0]).toBe('good');
    queries[1]!.answer();
    expect(await good).toBe(KEY);
    await vi.waitUntil(() => queries.length === 3, { timeout: 20_000 });
    queries[2]!.answer();
    await Promise.all(later);
    expect(queries.map(({ digests }) => digests.length)).toEqual([10, 1_000, 501]);
  });

  it('are refused at once beyond 2,000 that wait, with a time to come back, and taken again after that', async () => {
    const { lookUps, queries, counted } = table({ good: KEY });
    const taken = [...strangers(lookUps, 1, 'a')];
    await turn();
    taken.push(...strangers(lookUps, 2_000, 'b'));
    for (const refused of strangers(lookUps, 50, 'c'))
      await expect(refused).rejects.toMatchObject({ code: 'keys_unavailable', headers: { 'retry-after': '1' } });
    for (let n = 0; n < 3; n++) {
      await vi.waitUntil(() => queries.length > n, { timeout: 20_000 });
      queries[n]!.answer();
    }
    await Promise.all(taken);
    const good = lookUps.find('good');
    await turn();
    queries[3]!.answer();
    expect([await good, counted['refused']]).toEqual([KEY, 50]);
  });

  it('of one digest are one question, and one that comes while it is asked is asked again: a key may have been made', async () => {
    const { lookUps, queries } = table({ good: KEY });
    const early = [lookUps.find('good'), lookUps.find('good')];
    await turn();
    const late = lookUps.find('good');
    queries[0]!.answer();
    await Promise.all(early);
    await turn();
    queries[1]!.answer();
    await late;
    expect(queries.map(({ digests }) => digests)).toEqual([['good'], ['good']]);
  });

  it('fail together, and the next ones are asked for', async () => {
    const { lookUps, queries } = table({ good: KEY });
    const failing = strangers(lookUps, 3);
    await turn();
    const good = lookUps.find('good');
    queries[0]!.fail(new Error('the database is away'));
    for (const each of failing) await expect(each).rejects.toThrow('the database is away');
    await turn();
    queries[1]!.answer();
    expect(await good).toBe(KEY);
  });
});
