import { sealedIdsFrom } from '@tollgate/sealing';
import { describe, expect, it } from 'vitest';
import type { Dialect } from '../../dialects/dialect.js';
import type { DialectName } from '../../dialects/dialect-name.js';
import type { Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { speak } from './speak.js';

const target = (name: string, ...dialects: DialectName[]) =>
  ({ provider: { name, dialects: new Set(dialects) } }) as unknown as Target;
const after = (...targets: Target[]) => {
  const exchange = { targets, ask: { model: 'm' } } as unknown as Routed;
  const refusal = speak({ name: 'openai-embeddings' } as Dialect, sealedIdsFrom({ pepper: 'p' }))(exchange);
  return refusal ?? exchange.targets.map(({ provider }) => provider.name);
};

describe('targets of another dialect', () => {
  it('are passed over, in the order of the others', () => {
    const [a, b, c] = [target('a', 'openai-chat'), target('b', 'openai-embeddings'), target('c', 'openai-embeddings')];
    expect(after(a, b, c)).toEqual(['b', 'c']);
    expect(after(c, b)).toEqual(['c', 'b']);
  });
  it('refuse the request where there are no others', () => {
    expect(after(target('a', 'openai-chat'))).toMatchObject({
      code: 'model_not_found',
      param: 'model',
      message: 'The model "m" is not served at this endpoint.',
    });
  });
});
