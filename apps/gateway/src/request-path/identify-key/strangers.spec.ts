import type { VerifiedKey } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { Strangers } from './strangers.js';

const SOMEBODYS: VerifiedKey = {
  snapshot: {
    apiKeyId: 'k',
    organizationId: 'default',
    version: 2,
    digests: ['good'],
    state: 'revoked',
    reason: 'revoked',
  },
  organization: null,
};
const NOBODYS: VerifiedKey = { snapshot: null, organization: null };
/** The digests of a secret while no pepper is being replaced. */
const only = (present: string) => ({ present, previous: null });
const nobody = () => Promise.resolve(NOBODYS);
const answers = (asked: readonly unknown[], kind: unknown) => asked.filter((each) => each === kind).length;

describe('digests that nobody has heard of', () => {
  it('are asked for at most 200 times at once for an address, and 100 times in each second after that', async () => {
    let now = 0;
    const strangers = new Strangers(() => now);
    let queries = 0;
    const count = () => ((queries += 1), nobody());
    for (let n = 0; n < 1_000; n++) await strangers.ask(only(`a${n}`), '10.0.0.1', count);
    expect([queries, await strangers.ask(only('b'), '10.0.0.1', count)]).toEqual([200, 'too_many']);
    for (now = 1_000; now <= 10_000; now += 1_000) {
      for (let n = 0; n < 1_000; n++) await strangers.ask(only(`c${now}-${n}`), '10.0.0.1', count);
    }
    expect(queries).toBe(1_200);
    expect(await strangers.ask(only('d'), '10.0.0.2', count)).toBe(NOBODYS);
  });

  it('are counted while they are under way, so that many at once do not pass', async () => {
    const strangers = new Strangers(() => 0);
    const asked = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => strangers.ask(only(`a${n}`), '10.0.0.1', nobody)),
    );
    expect([answers(asked, NOBODYS), answers(asked, 'too_many')]).toEqual([200, 800]);
  });

  it('cost their address nothing where they turn out to be somebody’s, or the authority cannot be asked', async () => {
    const strangers = new Strangers(() => 0);
    for (let n = 0; n < 1_000; n++)
      expect(await strangers.ask(only(`a${n}`), '10.0.0.1', () => Promise.resolve(SOMEBODYS))).toBe(SOMEBODYS);
    for (let n = 0; n < 1_000; n++)
      await expect(strangers.ask(only(`b${n}`), '10.0.0.1', () => Promise.reject(new Error('away')))).rejects.toThrow(
        'away',
      );
    expect(await strangers.ask(only('c'), '10.0.0.1', nobody)).toBe(NOBODYS);
  });

  it('are asked for a thousand at a time, from however many addresses', async () => {
    const strangers = new Strangers(() => 0);
    let answer: () => void = () => undefined;
    const answered = new Promise<VerifiedKey>((resolve) => (answer = () => resolve(NOBODYS)));
    const asked = Array.from({ length: 3_000 }, (_, n) =>
      strangers.ask(only(`a${n}`), `10.0.${n % 200}.1`, () => answered),
    );
    answer();
    const kinds = await Promise.all(asked);
    expect([answers(kinds, NOBODYS), answers(kinds, 'busy')]).toEqual([1_000, 2_000]);
    expect(await strangers.ask(only('b'), '10.0.0.1', nobody)).toBe(NOBODYS);
  });
});

describe('a digest that was good once', () => {
  it('is asked for whatever else its address asks, and however much is under way', async () => {
    const strangers = new Strangers(() => 0);
    strangers.met('good');
    void Array.from({ length: 3_000 }, (_, n) =>
      strangers.ask(only(`a${n}`), `10.0.${n % 200}.1`, () => new Promise(() => undefined)),
    );
    for (let n = 0; n < 1_000; n++) await strangers.ask(only(`b${n}`), '10.1.0.1', nobody);
    expect(await strangers.ask(only('good'), '10.1.0.1', () => Promise.resolve(SOMEBODYS))).toBe(SOMEBODYS);
  });

  it('is met again under the other pepper, while one is being replaced', async () => {
    const strangers = new Strangers(() => 0);
    strangers.met('old');
    for (let n = 0; n < 1_000; n++) await strangers.ask(only(`b${n}`), '10.1.0.1', nobody);
    const somebody = () => Promise.resolve(SOMEBODYS);
    expect(await strangers.ask({ present: 'new', previous: 'old' }, '10.1.0.1', somebody)).toBe(SOMEBODYS);
    expect(await strangers.ask({ present: 'new', previous: 'another' }, '10.1.0.1', somebody)).toBe('too_many');
  });
});
