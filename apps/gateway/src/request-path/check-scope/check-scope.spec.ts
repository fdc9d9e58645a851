import { SCOPES } from '@tollgate/api-key';
import { describe, expect, it } from 'vitest';
import type { Identified } from '../exchange/exchange.js';
import { checkScope } from './check-scope.js';

const check = (scopes: readonly string[]) =>
  checkScope('inference:write')({ key: { scopes } } as unknown as Identified);

describe('the scope of a key', () => {
  it('lets pass a key that has it, whatever else it has', () => {
    for (const scopes of [['inference:write'], [...SCOPES]]) expect(check(scopes)).toBeUndefined();
  });
  it('is not one that says more, or almost the same', () => {
    const others = SCOPES.filter((scope) => scope !== 'inference:write');
    for (const scopes of [[], others, ['inference'], ['inference:*'], ['*'], ['INFERENCE:WRITE']]) {
      expect(check(scopes)).toMatchObject({
        code: 'access_denied',
        message: 'The API key lacks the scope inference:write.',
      });
    }
  });
  it('is asked of a project key with a text that says what opens inference', () => {
    const project = { key: { scopes: [], isProjectKey: true } } as unknown as Identified;
    expect(checkScope('inference:write')(project)).toMatchObject({
      code: 'access_denied',
      message: 'This is the secret of a project key, which opens no inference. Use a router key.',
    });
  });
});
