import { expect, it } from 'vitest';
import { isForeignThought, signatureOf } from './foreign-thoughts.js';

const thought = (signature: unknown): object => ({ type: 'thinking', thinking: 'hm', signature });

it.each([
  ["Claude's own", thought('EqQB'), false],
  ['one without a seal', thought(signatureOf(null)), true],
  ["OpenAI's", thought(signatureOf({ maker: 'openai', kind: 'encrypted', data: 'gAAA' })), true],
  ['one with a wrong signature', thought(7), false],
  ['a text that speaks of such a mark', { type: 'text', text: signatureOf(null) }, false],
  ['no block', signatureOf(null), false],
])('whether a block is a thought of another maker is told for %s', (_what, block, isForeign) => {
  expect(isForeignThought(block)).toBe(isForeign);
});
