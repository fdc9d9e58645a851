import { expect, it } from 'vitest';
import { maskOf } from './secrets-mask.js';

const [CREDENTIAL, RELAY] = ['sk-provider-0123456789ABCDEF', 'relay-Secret-9876543210'];

it('hides the credential and the secret headers of a provider alike', () => {
  const mask = maskOf([CREDENTIAL, RELAY]);
  for (const secret of [CREDENTIAL, RELAY]) {
    const body = Buffer.from(`{"headers":"${secret}"}`);
    expect([mask?.isIn(body), mask?.isToldBy(body)]).toEqual([true, true]);
    expect(mask?.mask(body.toString())).not.toContain(secret);
    expect(mask?.maskBody(body).toString()).not.toContain(secret);
  }
  expect(mask?.isIn(Buffer.from('nothing'))).toBe(false);
  expect(mask?.parts.isEnough(mask.parts.after(0, CREDENTIAL.slice(0, -1)))).toBe(true);
});

it('is the mask of the only secret, and none without one', () => {
  expect(maskOf([RELAY])?.mask(RELAY)).toMatch(/^\*+$/);
  expect([maskOf([]), maskOf(['short'])]).toEqual([null, null]);
});
