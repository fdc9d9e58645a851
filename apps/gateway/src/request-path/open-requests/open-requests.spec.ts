import { BodyBudget } from '@tollgate/http';
import { describe, expect, it } from 'vitest';
import type { Identified } from '../exchange/exchange.js';
import { OpenRequests, makeRoom } from './open-requests.js';

const KIB = 1_024;
const callOf = (apiKeyId: string, parallelRequests: number | null = null): Identified =>
  ({ key: { snapshot: { apiKeyId, rateLimits: { parallelRequests } } }, openRequest: null }) as unknown as Identified;
const TOO_MANY = { code: 'rate_limit_exceeded', headers: ['retry-after', '1', 'retry-after-ms', '1000'] };

describe('the calls of a key', () => {
  it('are bounded by themselves, however many it may have in parallel, until they end', () => {
    const calls = new OpenRequests(3, new BodyBudget(KIB));
    for (const parallel of [null, 1_000]) {
      const mine = Array.from({ length: 3 }, () => callOf(`key ${parallel}`, parallel));
      expect(mine.map((call) => calls.begin(call))).toEqual([undefined, undefined, undefined]);
      for (const call of mine) call.openRequest!.decided();
      const refused = callOf(`key ${parallel}`, parallel);
      expect(calls.begin(refused)).toMatchObject({
        ...TOO_MANY,
        message: expect.stringContaining('3 calls under way') as unknown,
      });
      calls.end(refused);
      expect(calls.begin(callOf('another key'))).toBeUndefined();
      calls.end(mine[1]!);
      expect(calls.begin(callOf(`key ${parallel}`, parallel))).toBeUndefined();
    }
  });
  it('wait for their bodies in no larger number than it may have in parallel, and four', () => {
    const calls = new OpenRequests(1_000, new BodyBudget(KIB));
    const begun: Identified[] = [];
    const begin = (): string => {
      const call = callOf('k', 2);
      const refusal = calls.begin(call);
      if (refusal === undefined) begun.push(call);
      return refusal?.code ?? 'begun';
    };
    const six = Array<string>(6).fill('begun');
    expect(Array.from({ length: 7 }, begin)).toEqual([...six, 'rate_limit_exceeded']);
    // Admission counts a request once it has decided, so it no longer counts as waiting here.
    begun[0]!.openRequest!.decided();
    begun[1]!.openRequest!.decided();
    expect([begin(), begin(), begin()]).toEqual(['begun', 'begun', 'rate_limit_exceeded']);
    calls.end(begun[0]!);
    expect(begin()).toBe('rate_limit_exceeded');
    calls.end(begun[5]!);
    expect([begin(), begin()]).toEqual(['begun', 'rate_limit_exceeded']);
  });
});

describe('the bodies of the calls of a key', () => {
  it('fill half of what there is for all, and give it back at their end', () => {
    const budget = new BodyBudget(1_024 * KIB);
    const calls = new OpenRequests(100, budget);
    const [mine, more, others] = [callOf('k'), callOf('k'), callOf('other')];
    for (const call of [mine, more, others]) calls.begin(call);
    expect([makeRoom(mine, 512 * KIB), makeRoom(others, 256 * KIB)]).toEqual([undefined, undefined]);
    expect(makeRoom(more, 5 * KIB)).toMatchObject({
      ...TOO_MANY,
      message: expect.stringContaining('bodies') as unknown,
    });
    expect(makeRoom(others, 257 * KIB)).toMatchObject({ ...TOO_MANY, code: 'server_busy' });
    calls.end(mine);
    expect([makeRoom(more, 5 * KIB), calls.bodyBytes]).toEqual([undefined, 261 * KIB]);
    for (const call of [mine, more, others]) calls.end(call);
    expect(calls.bodyBytes).toBe(0);
  });
});
