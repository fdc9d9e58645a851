import { describe, expect, it } from 'vitest';
import { anthropic } from '../../providers/anthropic/anthropic.js';
import type { Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { passHeaders } from './pass-headers.js';

const target = (name: string, ...allowBetas: string[]): Target =>
  ({ provider: { name, callerHeaders: anthropic.callerHeaders, allowBetas } }) as unknown as Target;

function pass(beta: string | null, targets: readonly Target[], translated: readonly Target[] = []) {
  const exchange = {
    request: { rawHeaders: beta === null ? ['host', 'x'] : ['host', 'x', 'anthropic-beta', beta] },
    targets,
    translations: translated.length === 0 ? null : new Map(translated.map((each) => [each, {}])),
    charge: { isCapped: false },
    callerHeaders: null,
  } as unknown as Routed;
  const refusal = passHeaders(exchange);
  return { refusal, names: exchange.targets.map(({ provider }) => provider.name), headers: exchange.callerHeaders };
}

describe('the headers that pass to a provider', () => {
  it('cost nothing where a caller sends none', () => {
    expect(pass(null, [target('a')])).toEqual({ refusal: undefined, names: ['a'], headers: null });
  });
  it('are kept for each provider', () => {
    const { headers, refusal } = pass('effort-2025-11-24', [target('a'), target('b')]);
    expect([refusal, headers?.size]).toEqual([undefined, 2]);
  });
  it('leave out targets whose entry does not allow a value', () => {
    expect(pass('context-1m-2025-08-07', [target('a'), target('b', 'context-1m-')]).names).toEqual(['b']);
  });
  it('are refused by their value where no target allows it', () => {
    expect(pass('context-1m-2025-08-07', [target('a'), target('b', 'fast-mode-')]).refusal).toMatchObject({
      code: 'invalid_request',
      param: 'anthropic-beta',
      message: expect.stringContaining('context-1m-2025-08-07') as string,
    });
  });
  it('are none for a target that is spoken to in another dialect', () => {
    const [first, other] = [target('a'), target('b')];
    const { names, headers, refusal } = pass('context-1m-2025-08-07', [first, other], [other]);
    expect([refusal, names, headers]).toEqual([undefined, ['b'], null]);
  });
});
