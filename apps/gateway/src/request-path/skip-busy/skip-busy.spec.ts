import { describe, expect, it } from 'vitest';
import type { Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { skipBusy } from './skip-busy.js';

const target = (name: string, calls: number) =>
  ({ provider: { name, load: { calls, callsMax: 2 } } }) as unknown as Target;
const passing = (...targets: readonly Target[]) => {
  const exchange = { targets } as unknown as Routed;
  return { refusal: skipBusy(exchange), names: exchange.targets.map(({ provider }) => provider.name) };
};

describe('a provider with all its connections in use', () => {
  it('is passed over, and the others keep their order', () => {
    expect(passing(target('a', 2), target('b', 1), target('c', 0))).toEqual({ refusal: undefined, names: ['b', 'c'] });
    expect(passing(target('a', 1), target('b', 1))).toEqual({ refusal: undefined, names: ['a', 'b'] });
  });
  it('is a refusal where there is no other', () => {
    expect(passing(target('a', 2), target('b', 3)).refusal).toMatchObject({
      code: 'provider_busy',
      headers: ['retry-after', '1', 'retry-after-ms', '1000'],
    });
  });
});
