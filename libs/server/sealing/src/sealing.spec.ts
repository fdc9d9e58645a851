import { expect, describe, it } from 'vitest';
import {
  sealedUnder,
  SealError,
  sealingFrom,
  sealingKeyFromPepper,
  sealingKeyOf,
  sealingWith,
  type SealingSecrets,
} from './index.js';

const key = sealingKeyOf('ab'.repeat(32));
const sealing = sealingWith([key]);
const [A, B] = ['0a'.repeat(32), '0b'.repeat(32)];
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
  it.each<[string, Partial<SealingSecrets>, Partial<SealingSecrets>]>([
    ['a given key', { encryptionKey: A }, { encryptionKey: B, encryptionKeyPrevious: A }],
    [
      'a derived key, with its pepper',
      { pepper: 'old pepper of the test' },
      { pepperPrevious: 'old pepper of the test' },
    ],
    ['a derived key by a given one', {}, { encryptionKey: B, encryptionKeyPrevious: 'derived' }],
    ['a given key by a derived one', { encryptionKey: A }, { encryptionKeyPrevious: A }],
    [
      'a derived key by a given one, and the pepper',
      { pepper: 'old pepper of the test' },
      { encryptionKey: B, encryptionKeyPrevious: 'derived', pepperPrevious: 'old pepper of the test' },
    ],
  ])('is read by every process while %s is replaced', (_what, before, during) => {
    const pepper = 'a pepper of the test';
    const [old, changing] = [sealingFrom({ pepper, ...before }), sealingFrom({ pepper, ...during })];
    const { encryptionKeyPrevious: _key, pepperPrevious: _pepper, ...present } = during;
    const after = sealingFrom({ pepper, ...present });
    for (const sealed of [old.seal('x', bound), changing.seal('x', bound)])
      expect([old, changing].map((each) => each.open(sealed, bound))).toEqual(['x', 'x']);
    for (const sealed of [changing.seal('x', bound), after.seal('x', bound)])
      expect(changing.open(sealed, bound)).toBe('x');
    const alone = sealingFrom({ pepper, ...during }, { alone: true });
    const renewed = alone.seal(alone.open(old.seal('x', bound), bound), bound);
    expect(sealedUnder(renewed)).toBe(after.keyIds[0]);
    expect(after.open(renewed, bound)).toBe('x');
  });
  it('names the key that it was sealed under, and what is no sealed text names none', () => {
    expect(sealedUnder(sealing.seal('x', bound))).toBe(key.id);
    for (const text of ['', 's1', 's9.ab.cd', 'plain text']) expect(sealedUnder(text)).toBeNull();
  });
  it('opens under any key that is given, and names the one that is not', () => {
    const pepper = sealingKeyFromPepper('a pepper of the test');
    const sealed = sealingWith([pepper]).seal('x', bound);
    expect(sealingWith([key, pepper]).open(sealed, bound)).toBe('x');
    expect(() => sealing.open(sealed, bound)).toThrow(pepper.id);
  });
});
