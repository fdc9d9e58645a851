import { expect, it } from 'vitest';
import { raisedLimit } from './amount-fields.js';

it('a limit is raised until the moment at which its raise ends', () => {
  const raise = { amountNanoUsd: 5n, until: new Date('2026-11-29T12:00:00Z') };
  expect(raisedLimit(10n, raise, new Date('2026-11-29T11:59:59.999Z'))).toBe(15n);
  expect(raisedLimit(10n, raise, new Date('2026-11-29T12:00:00Z'))).toBe(10n);
  expect(raisedLimit(null, null, new Date('2026-11-29T10:00:00Z'))).toBeNull();
  expect(raisedLimit(0n, null, new Date('2026-11-29T10:00:00Z'))).toBe(0n);
});
