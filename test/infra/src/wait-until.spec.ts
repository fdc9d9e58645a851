import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { waitUntil } from './wait-until.js';

describe('waitUntil', () => {
  it('returns the first thing found', async () => {
    let looks = 0;
    expect(await waitUntil(() => ++looks >= 3 && { looks }, { what: 'three looks', intervalMs: 1 })).toEqual({
      looks: 3,
    });
  });

  it('takes zero and an empty string for found', async () => {
    expect(await waitUntil(() => 0, { what: 'a number', timeoutMs: 0 })).toBe(0);
    expect(await waitUntil(() => '', { what: 'a string', timeoutMs: 0 })).toBe('');
  });

  it('takes a throw for "not yet"', async () => {
    let looks = 0;
    const check = () => {
      looks++;
      if (looks < 3) throw new Error('refused');
      return looks;
    };
    expect(await waitUntil(check, { what: 'the third look', intervalMs: 1 })).toBe(3);
  });

  it('says what it waited for and why the last look failed', async () => {
    const check = () => {
      throw new Error('connection refused');
    };
    await expect(waitUntil(check, { what: 'the ledger row to appear', timeoutMs: 5, intervalMs: 1 })).rejects.toThrow(
      'waited 5 ms for the ledger row to appear; the last look failed: connection refused',
    );
  });

  it('looks once even when there is no time at all', async () => {
    await expect(waitUntil(() => false, { what: 'nothing', timeoutMs: 0 })).rejects.toThrow('waited 0 ms for nothing');
  });

  it('looks once more after a look that took all of the time', async () => {
    let looks = 0;
    const check = async () => {
      if ((looks += 1) === 1) await delay(30);
      return looks === 2;
    };
    expect(await waitUntil(check, { what: 'the second look', timeoutMs: 10, intervalMs: 1 })).toBe(true);
  });

  it('ends early on its signal, with its reason', async () => {
    const signal = AbortSignal.abort(new Error('the server died'));
    await expect(waitUntil(() => false, { what: 'an answer', signal })).rejects.toThrow('the server died');
  });
});
