import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredentialMask } from './credential-mask.js';

const credential = 'sk-provider/"credential"+1234==';
const maskOf = (text: string): CredentialMask => CredentialMask.of(text)!;
const hex = (text: string): string =>
  [...text].map((character) => character.charCodeAt(0).toString(16).padStart(2, '0')).join('');
const escapeAll = (text: string): string => [...text].map((character) => `\\u00${hex(character)}`).join('');

/** The ways in which servers spell a credential that they repeat. */
const SPELLINGS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'in JSON': (text) => JSON.stringify(text).slice(1, -1),
  'in JSON within JSON': (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  'by PHP': (text) => JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
  'by .NET': (text) => text.replaceAll(/["+/<>&']/g, escapeAll),
  'by Gson': (text) =>
    text.replaceAll(/["=<>&']/g, (character) => escapeAll(character).toUpperCase().replaceAll('\\U', '\\u')),
  'with all characters escaped': escapeAll,
  'in a URL': encodeURIComponent,
};

describe('a credential of ours in an answer', () => {
  it.each(Object.entries(SPELLINGS))('is found %s', (_, spell) => {
    const spelt = spell(credential);
    const body = Buffer.from(`{"error":{"message":"caf\u00e9: authorization: Bearer ${spelt}, twice ${spelt}"}}`);
    const mask = maskOf(credential);
    expect(mask.isIn(body)).toBe(true);
    const masked = mask.maskBody(body);
    expect(masked.length).toBe(body.length);
    expect(masked.toString()).toBe(body.toString().replaceAll(spelt, '*'.repeat(spelt.length)));
    expect(mask.isIn(masked)).toBe(false);
  });

  it('is found wherever it stands, whatever it is made of, and nothing else is changed', () => {
    const credentials = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 8,
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        credentials,
        fc.constantFrom(...Object.values(SPELLINGS)),
        fc.string(),
        fc.string(),
        (secret, spell, before, after) => {
          const mask = maskOf(secret);
          const [head, spelt, tail] = [before, spell(secret), after].map((text) =>
            Buffer.from(text).toString('latin1'),
          ) as [string, string, string];
          const masked = mask.mask(head + spelt + tail);
          expect(masked).toContain('*'.repeat(8));
          expect(masked.length).toBe((head + spelt + tail).length);
          if (!secret.includes('*')) expect(mask.mask(masked)).toBe(masked);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is nothing else, and costs no more where much looks like it', () => {
    const mask = maskOf(credential);
    for (const text of [
      '',
      'sk-provider',
      'caf\\u00e9',
      credential.slice(0, -1),
      `${credential.slice(0, 12)} ${credential.slice(12)}`,
    ])
      expect(mask.mask(text)).toBe(text);
    // A search that tried all that follows each backslash would take minutes.
    const backslashes = `\\u00${'\\'.repeat(500_000)}`;
    expect(mask.mask(backslashes)).toBe(backslashes);
  });

  it('is not looked for where it is shorter than eight characters, or there is none', () => {
    for (const none of [null, '', 'ollama', 'sk-1234']) expect(CredentialMask.of(none)).toBeNull();
    expect(CredentialMask.of('lm-studio')).not.toBeNull();
  });
});

describe('an error that tells of a credential', () => {
  const secret = 'sk-live-Ab/12+cd==EFGH"5678-ijklmnop';
  const half = secret.slice(0, secret.length / 2);
  const entities = (text: string, of: (code: number) => string): string =>
    [...text].map((character) => `&#${of(character.charCodeAt(0))};`).join('');
  const codings: Readonly<Record<string, (text: string) => string | Buffer>> = {
    ...SPELLINGS,
    'as decimal entities': (text) => entities(text, String),
    'as hexadecimal entities': (text) => entities(text, (code) => `x${code.toString(16).toUpperCase()}`),
    'in HTML': (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('/', '&sol;'),
    'in lines': (text) => text.replaceAll(/.{5}/g, '$&\r\n    '),
    'in lines within JSON': (text) => JSON.stringify(text.replaceAll(/.{5}/g, '$&\n')).slice(1, -1),
    'in hexadecimal': hex,
    'in capital hexadecimal': (text) => hex(text).toUpperCase(),
    'in base64': (text) => Buffer.from(text).toString('base64'),
    'in hexadecimal with spaces': (text) => hex(text).replaceAll(/../g, '$& '),
    'in hexadecimal with colons': (text) => hex(text).replaceAll(/../g, '$&:'),
    'in hexadecimal as C has it': (text) => hex(text).replaceAll(/../g, '0x$&, '),
    'in escapes of Python': (text) => hex(text).replaceAll(/../g, '\\x$&'),
    'in lower case': (text) => text.toLowerCase(),
    'in base64 of 20 columns': (text) => Buffer.from(text).toString('base64').replaceAll(/.{20}/g, '$&\r\n'),
    'in base64 of 20 columns in JSON': (text) =>
      JSON.stringify(Buffer.from(text).toString('base64').replaceAll(/.{20}/g, '$&\n')).slice(1, -1),
    'in base64 behind a name': (text) => Buffer.from(`user:${text}`).toString('base64'),
    'in base64 behind a longer name': (text) => Buffer.from(`Bearer ${text} `).toString('base64'),
    'in base64 of URLs': (text) => Buffer.from(`x${text}`).toString('base64url'),
    'in UTF-16, little end first': (text) => Buffer.from(text, 'utf16le'),
    'in UTF-16, big end first': (text) => Buffer.from(text, 'utf16le').swap16(),
    'in UTF-32': (text) => Buffer.concat([...text].map((each) => Buffer.from([0, 0, 0, each.charCodeAt(0)]))),
  };
  describe.each(Object.entries(codings))('%s', (_, code) => {
    it.each([
      ['whole', secret],
      ['half', half],
      ['cut short', secret.slice(0, -1)],
      ['without its beginning', secret.slice(3)],
      ['its second half', secret.slice(-half.length)],
      ['half of it, from its middle', secret.slice(half.length / 2, half.length * 1.5)],
    ])('is noticed: %s', (_what, told) => {
      const error = Buffer.concat([
        Buffer.from('{"error":{"message":"Bearer '),
        Buffer.from(code(told)),
        Buffer.from('..."}}'),
      ]);
      expect(maskOf(secret).isToldBy(error)).toBe(true);
    });
    it('is not noticed for a prefix, as all keys of a provider have', () => {
      const error = Buffer.concat([
        Buffer.from('{"error":{"message":"Bearer '),
        Buffer.from(code('sk-live-')),
        Buffer.from('**** is not known"}}'),
      ]);
      expect(maskOf(secret).isToldBy(error)).toBe(false);
    });
  });
  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('is taken for granted in what is compressed and does not say so: %s', (_, compress) => {
    expect(maskOf(secret).isToldBy(compress(Buffer.from('{}')))).toBe(true);
  });
  it('costs no more where much looks like it', () => {
    const repeated = (text: string): Buffer => Buffer.from(text.repeat(1_000_000 / text.length));
    for (const text of ['\\', '\\u00', '&#', '&#x0', '&#0', '&amp;', '%', ' ', '\\n', 'sk-live-', half.slice(0, -1)])
      expect(maskOf(secret).isToldBy(repeated(text))).toBe(false);
  });
});

describe('a credential told in pieces', () => {
  /** The index of the piece that completes enough of the credential; -1 for none. */
  const tellingPiece = (secret: string, pieces: readonly string[], as: 'text' | 'json'): number => {
    const { parts } = maskOf(secret);
    let state = 0;
    return pieces.findIndex((piece) => {
      const json = JSON.stringify(piece);
      state = as === 'text' ? parts.after(state, piece) : parts.afterJson(state, json, 1, json.length - 1);
      return parts.isEnough(state);
    });
  };
  const pieces = (text: string, length: number): string[] => text.match(new RegExp(`.{1,${length}}`, 'gs'))!;

  it('is noticed before it is told to its end, however it is cut', () => {
    for (const secret of [credential, 'sk-sk-sk-sk-sk-abcabcabd', 'aaaaaaaaaaaaaaaaaab', 'eightchr']) {
      for (const length of [1, 2, 3, 5, 7, secret.length - 1]) {
        for (const before of ['', 'Bearer ', 's', 'sk-', 'sk-sk-', 'aaa', 'eight']) {
          const told = pieces(before + secret, length);
          for (const as of ['text', 'json'] as const) {
            const at = tellingPiece(secret, told, as);
            expect(at, `${before}${secret} by ${length}`).not.toBe(-1);
            expect(told.slice(0, at).join('')).not.toContain(secret);
          }
        }
      }
    }
  });

  it('is not what stands in one piece whole', () => {
    for (const piece of [credential, `x${credential}y`, `${credential}${credential}`, `s${credential}sk-`]) {
      for (const as of ['text', 'json'] as const) expect(tellingPiece(credential, ['sk-', piece, 'x'], as)).toBe(-1);
    }
  });

  it('is not noticed in what has a prefix of it, as all keys of a provider have', () => {
    const secret = 'sk-ant-api03-abcdefghijklmnopqrstuvwxyz';
    for (const text of [
      'A key begins with sk-ant-api03- and ends with AA.',
      'sk-ant-api03-',
      'sk-ant-api03-xyz'.repeat(10),
    ]) {
      for (const as of ['text', 'json'] as const) expect(tellingPiece(secret, pieces(text, 2), as)).toBe(-1);
    }
  });
});
