import { validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerText } from './header-text.js';

describe('a text in a header', () => {
  it('stands there as it is if it is plain', () => {
    for (const text of ['gpt-4o', 'openai/gpt-*', 'a b', '']) expect(headerText(text)).toBe(text);
  });
  it('is encoded else, so that any text can be sent and read again', () => {
    expect(headerText('modèle\n')).toBe('mod%C3%A8le%0A');
    expect(headerText('100%')).toBe('100%25');
    expect(headerText('a\ud83d')).toBe('a%EF%BF%BD');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const value = headerText(text);
        validateHeaderValue('x', value);
        return decodeURIComponent(value) === text;
      }),
    );
  });
});
