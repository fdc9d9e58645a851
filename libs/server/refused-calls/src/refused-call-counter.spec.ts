import { describe, expect, it } from 'vitest';
import { RefusedCallCounter, type SeenRefusal } from './refused-call-counter.js';

const START = Date.parse('2026-11-28T12:00:00.000Z');
const MINUTE = 60_000;
const refusal = (fields: Partial<SeenRefusal> = {}): SeenRefusal => ({
  organizationId: null,
  principal: { kind: 'unknown' },
  address: '192.0.2.1',
  requestId: 'a request',
  route: 'GET /v1/api-keys',
  code: 'invalid_credential',
  status: 401,
  ...fields,
});

describe('refused calls', () => {
  it('are due at once, and their repeats together when the window ends', () => {
    const counter = new RefusedCallCounter();
    counter.note(refusal(), START);
    expect(counter.take(START, 10)).toMatchObject([{ count: 1, requestId: 'a request' }]);
    for (let n = 1; n <= 1_000; n++) counter.note(refusal({ requestId: `request ${n}` }), START + n);
    expect(counter.take(START + MINUTE, 10)).toEqual([]);
    expect(counter.take(START + 10 * MINUTE, 10)).toMatchObject([
      { count: 1_000, firstAt: '2026-11-28T12:00:00.001Z', lastAt: '2026-11-28T12:00:01.000Z' },
    ]);
    expect(counter.take(START + 30 * MINUTE, 10)).toEqual([]);
    counter.note(refusal(), START + 31 * MINUTE);
    expect(counter.take(START + 31 * MINUTE, 10)).toMatchObject([{ count: 1 }]);
  });

  it('are told apart by caller, route and code, and by address where nobody knows the caller', () => {
    const counter = new RefusedCallCounter();
    const key = { kind: 'api_key', id: 'a key' } as const;
    for (const seen of [
      refusal(),
      refusal({ address: '192.0.2.2' }),
      refusal({ route: 'GET /v1/usage' }),
      refusal({ code: 'missing_credential' }),
      refusal({ organizationId: 'one', principal: key }),
      refusal({ organizationId: 'one', principal: key, address: '192.0.2.2' }),
    ])
      counter.note(seen, START);
    expect(counter.take(START, 10).map(({ count }) => count)).toEqual([1, 1, 1, 1, 2]);
  });

  it('of ever more callers are few entries, and every one is counted', () => {
    const counter = new RefusedCallCounter();
    for (let n = 0; n < 100_000; n++) counter.note(refusal({ address: `192.0.2.${n}` }), START);
    const taken = counter.take(START, 10_000);
    expect(taken).toHaveLength(51);
    expect(taken.reduce((sum, { count }) => sum + count, 0)).toBe(100_000);
    expect(taken.at(-1)).toMatchObject({ principal: { kind: 'several' }, address: null, route: '*' });
  });

  it('of ever more organisations are bounded, and those of one do not take the room of another at once', () => {
    const counter = new RefusedCallCounter();
    for (let n = 0; n < 1_000; n++) counter.note(refusal({ organizationId: 'noisy', route: `GET /${n}` }), START);
    counter.note(refusal({ organizationId: 'quiet' }), START);
    expect(counter.take(START, 10_000).filter(({ organizationId }) => organizationId === 'quiet')).toHaveLength(1);
    for (let n = 0; n < 100_000; n++) counter.note(refusal({ organizationId: `organisation ${n}` }), START);
    expect(counter.take(START, 1_000_000).length).toBeLessThan(2_100);
  });

  it('come again when they could not be reported, with what came meanwhile', () => {
    const counter = new RefusedCallCounter();
    counter.note(refusal(), START);
    const taken = counter.take(START, 10);
    counter.note(refusal(), START + 1);
    counter.putBack(taken, START + MINUTE);
    expect(counter.take(START + 2, 10)).toEqual([]);
    expect(counter.take(START + MINUTE, 10)).toMatchObject([{ count: 2, firstAt: '2026-11-28T12:00:00.000Z' }]);
  });

  it('are all due when the process ends', () => {
    const counter = new RefusedCallCounter();
    for (let n = 0; n < 3; n++) counter.note(refusal(), START);
    counter.take(START, 10);
    counter.note(refusal(), START + 1);
    expect(counter.take(START + 2, 10, true)).toMatchObject([{ count: 1 }]);
  });
});
