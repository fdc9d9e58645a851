import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealedIdsFrom, sealingFrom, sealingKeyOf, SealedIds, type SealingSecrets } from './index.js';

const ids = new SealedIds([sealingKeyOf('ab'.repeat(32))]);
const RAW = 'resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b';
const bound = ['response', 'org', 'openai', 'gpt'];

describe('a sealed id', () => {
  it('is the same each time, opens for its owner, and shows nothing of the id', () => {
    const text = ids.seal(RAW, bound);
    expect(ids.seal(RAW, bound)).toBe(text);
    expect(ids.open(text, bound)).toBe(RAW);
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(text).not.toContain(RAW.slice(5, 13));
    // With a prefix it fits into the columns that people keep ids in.
    expect(text.length).toBeLessThanOrEqual(95);
  });
  it('opens for any id that a provider can give, and for nobody else', () => {
    const owner = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), owner, owner, (id, own, other) => {
        const text = ids.seal(id, own);
        expect(ids.open(text, own)).toBe(id);
        if (JSON.stringify(own) !== JSON.stringify(other)) expect(ids.open(text, other)).toBeNull();
      }),
    );
  });
  it('does not open after any change of a character, a case or the length', () => {
    const text = ids.seal(RAW, bound);
    for (let at = 0; at < text.length; at++) {
      const character = text[at]!;
      for (const other of [character === 'A' ? 'B' : 'A', '=', '+', '/', '%', ' ', '']) {
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        if (changed !== text) expect(ids.open(changed, bound), `${at} ${other}`).toBeNull();
      }
      expect(ids.open(text.slice(0, at), bound)).toBeNull();
    }
    for (const changed of [
      text.toLowerCase(),
      text.toUpperCase(),
      `${text}A`,
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      encodeURIComponent(`${text}/`),
      '',
      'A',
      RAW,
    ])
      expect(ids.open(changed, bound), changed).toBeNull();
  });
  it('does not open after a flip of any bit', () => {
    const bytes = Buffer.from(ids.seal(RAW, bound), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(ids.open(flipped.toString('base64url'), bound)).toBeNull();
    }
  });
  it.each<[string, Partial<SealingSecrets>, Partial<SealingSecrets>]>([
    [
      'the encryption key',
      { encryptionKey: '0a'.repeat(32) },
      { encryptionKey: '0b'.repeat(32), encryptionKeyPrevious: '0a'.repeat(32) },
    ],
    ['the pepper', { pepper: 'the old pepper of the test' }, { pepperPrevious: 'the old pepper of the test' }],
    ['a derived key by a given one', {}, { encryptionKey: '0b'.repeat(32), encryptionKeyPrevious: 'derived' }],
  ])('is known to every gateway while %s is replaced', (_what, before, during) => {
    const pepper = 'the pepper of the test';
    const [old, changing] = [sealedIdsFrom({ pepper, ...before }), sealedIdsFrom({ pepper, ...during })];
    const alone = sealedIdsFrom({ pepper, ...during }, { alone: true });
    for (const from of [old, changing])
      for (const to of [old, changing, alone]) expect(to.open(from.seal(RAW, bound), bound)).toBe(RAW);
    expect(changing.open(alone.seal(RAW, bound), bound)).toBe(RAW);
    // After the end of it, ids under the key that is gone are unknown.
    const { encryptionKeyPrevious: _key, pepperPrevious: _pepper, ...after } = during;
    const now = sealedIdsFrom({ pepper, ...after });
    expect(now.open(alone.seal(RAW, bound), bound)).toBe(RAW);
  });
  it('is no text that a Sealing opens, though both have the same key', () => {
    const pepper = 'the pepper of the test';
    const sealed = sealingFrom({ pepper }).seal(RAW, bound);
    expect(sealedIdsFrom({ pepper }).open(sealed.split('.')[2]!, bound)).toBeNull();
  });
});

describe('the mark of a maker', () => {
  it('is short, the same each time, and tells makers apart under each key', () => {
    const other = new SealedIds([sealingKeyOf('cd'.repeat(32)), sealingKeyOf('ab'.repeat(32))]);
    const mark = ids.mark(bound);
    expect(mark).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect(ids.mark(bound)).toBe(mark);
    expect([ids, other].map((each) => each.isMark(mark, bound))).toEqual([true, true]);
    expect(ids.isMark(mark, ['response', 'org', 'openai', 'gpt-2'])).toBe(false);
    expect(ids.isMark(other.mark(bound), bound)).toBe(false);
    expect(ids.isMark('', bound)).toBe(false);
  });
});
