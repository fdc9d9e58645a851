import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SealedThought } from './conversation.js';
import { packSeal, unpackSeal } from './foreign-seal.js';

const seals: fc.Arbitrary<SealedThought> = fc.oneof(
  fc.record({
    maker: fc.constant('openai' as const),
    kind: fc.constant('encrypted' as const),
    data: fc.string(),
    id: fc.string({ minLength: 1, unit: 'grapheme' }),
  }),
  fc.record({
    maker: fc.constant('anthropic' as const),
    kind: fc.constantFrom('signature' as const, 'redacted' as const),
    data: fc.string(),
  }),
  fc.record({
    maker: fc.constant('compatible' as const),
    kind: fc.constantFrom('call' as const, 'called' as const, 'message' as const),
    data: fc.string(),
  }),
);

describe('a seal of another maker', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(seals, (sealed) => {
        expect(unpackSeal(packSeal(sealed))).toEqual(sealed);
      }),
    );
  });

  it.each([
    '',
    'gAAAAABo',
    'EqQBCkYIBxgC',
    'tg1.0123456789abcdef.gAAA',
    'tg1.anothers_thought.',
    'tg1.anothers_thought.a.b.c.d',
    'tg1.anothers_thought.openai.call.c.d',
  ])('is not what reads %j', (text) => expect(unpackSeal(text)).toBeNull());

  it('has the form of a mark of encrypted content, with an origin that is none', () => {
    const packed = packSeal({ maker: 'anthropic', kind: 'redacted', data: 'x' });
    expect(packed).toMatch(/^tg1\.[A-Za-z0-9_-]{16}\./);
  });
});
