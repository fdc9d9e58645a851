import { generateSecret } from '@tollgate/api-key';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, jsonOf, Personal, personalIn, type AuditValue, type Json } from './audit-value.js';

const written = (value: AuditValue): string =>
  canonicalJson(jsonOf(value, ({ kind }) => ({ subject: kind, digest: 'a digest' })));
const again = (text: string): string => canonicalJson(JSON.parse(text) as Json);

const CASES: readonly (readonly [AuditValue, string])[] = [
  [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
  [{ b: 1.0, a: 1e2 }, '{"a":100,"b":1}'],
  [{ '10': 1, '9': 2, é: 3, z: 4 }, '{"10":1,"9":2,"z":4,"é":3}'],
  [1.5, '"1.5"'],
  [-0, '0'],
  [Number.MAX_SAFE_INTEGER + 1, '"9007199254740992"'],
  [1e21, '"1e+21"'],
  [Infinity, '"Infinity"'],
  [NaN, '"NaN"'],
  [9_007_199_254_740_993n, '"9007199254740993"'],
  [undefined, 'null'],
  [{ a: undefined, b: null }, '{"b":null}'],
  [[undefined, 'x'], '[null,"x"]'],
  [new Date('2026-11-28T12:00:00.120Z'), '"2026-11-28T12:00:00.120Z"'],
  ['a\u2028b', '"a\u2028b"'],
  ['a\u0000b', '"a\ufffdb"'],
  ['half \ud800 a pair', '"half \ufffd a pair"'],
  ['😀', '"😀"'],
  [JSON.parse('{"__proto__":{"constructor":1}}') as AuditValue, '{"__proto__":{"constructor":1}}'],
  [{ to: new Personal('email', 'ada@example.org') }, '{"to":{"$personal":{"digest":"a digest","subject":"email"}}}'],
];

describe('the canonical JSON of a value', () => {
  it.each(CASES.map(([value, text]) => [text, value] as const))('can be %s', (text, value) => {
    expect(written(value)).toBe(text);
    expect(again(text)).toBe(text);
  });

  it('is the same after it was read, whatever the value', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ noUnicodeString: false }),
        fc.string({ unit: 'binary' }),
        fc.double(),
        (json, text, n) => {
          const once = written({ json: json as AuditValue, text, n, [text]: n });
          expect(again(once)).toBe(once);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('has none of our secrets, wherever somebody has put one', () => {
    const secret = generateSecret('TestMark').reveal();
    const text = written({ [secret]: secret, list: [`${secret}${secret}`], email: new Personal('email', secret) });
    expect(text).not.toContain(secret);
    expect(new Personal('name', `it is ${secret}`).text).toBe('it is [secret]');
  });
});

describe('texts about people', () => {
  it('are found wherever they stand', () => {
    const [one, two, three] = ['one', 'two', 'three'].map((text) => new Personal('name', text));
    expect(personalIn({ a: one, b: [null, { c: two }], d: new Date(), e: three })).toEqual([one, two, three]);
  });
  it('are bounded', () => {
    expect(new Personal('name', 'x'.repeat(10_000)).text).toHaveLength(500);
  });
});
