import { expect, describe, it } from 'vitest';
import { SealError, sealingFrom, sealingKeyFromPepper, sealingKeyOf, sealingWith } from './index.js';

const key = sealingKeyOf('ab'.repeat(32));
const sealing = sealingWith([key]);
const bound = ['answer', 'default', '1'];

describe('a sealed text', () => {
  it('opens for what it is bound to, shows nothing of its content, and is never the same twice', () => {
    const sealed = sealing.seal('sk-secret ✓', bound);
    expect(sealing.open(sealed, bound)).toBe('sk-secret ✓');
    expect(sealed).not.toContain('secret');
    expect(sealing.seal('sk-secret ✓', bound)).not.toBe(sealed);
    expect(sealed.split('.')[1]).toBe(key.id);
  });
  it.each([
    ['another tenant', ['answer', 'other', '1']],
    ['parts cut elsewhere', ['answer', 'default1', '']],
    ['fewer parts', ['answer', 'default']],
  ])('does not open for %s', (_what, boundTo) => {
    expect(() => sealing.open(sealing.seal('x', bound), boundTo)).toThrow(SealError);
  });
  it.each([
    ['a changed byte', (text: string) => text.slice(0, -2) + (text.endsWith('A') ? 'BB' : 'AA')],
    ['a cut', (text: string) => text.slice(0, 20)],
    ['another form', (text: string) => text.replace('s1.', 's9.')],
    ['nothing', () => ''],
  ])('does not open after %s', (_what, change) => {
    expect(() => sealing.open(change(sealing.seal('x', bound)), bound)).toThrow(SealError);
  });
  it('is sealed under the key that is given, or else one derived from the pepper', () => {
    const pepper = 'a pepper of the test';
    const encryptionKey = 'AB'.repeat(32);
    expect(sealing.open(sealingFrom({ pepper, encryptionKey }).seal('x', bound), bound)).toBe('x');
    expect(sealingWith([sealingKeyFromPepper(pepper)]).open(sealingFrom({ pepper }).seal('x', bound), bound)).toBe('x');
  });
  it('opens under any key that is given, and names the one that is not', () => {
    const pepper = sealingKeyFromPepper('a pepper of the test');
    const sealed = sealingWith([pepper]).seal('x', bound);
    expect(sealingWith([key, pepper]).open(sealed, bound)).toBe('x');
    expect(() => sealing.open(sealed, bound)).toThrow(pepper.id);
  });
});
