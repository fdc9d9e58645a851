import { expect, it } from 'vitest';
import { attachPrincipal, principalOf } from './index.js';

it('tells nobody who asks before a guard has found out', () => {
  const request = {};
  expect(() => principalOf(request)).toThrow('no guard');
  attachPrincipal(request, { kind: 'operator', organizationId: 'default' });
  expect(principalOf(request)).toEqual({ kind: 'operator', organizationId: 'default' });
});
