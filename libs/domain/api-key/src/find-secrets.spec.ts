import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSecrets, generateSecret } from './index.js';

const plain = (prefix?: 'sk-' | 'sk-sub-') => generateSecret('TGate001', prefix).reveal();
const [one, two, sub] = [plain(), plain(), plain('sk-sub-')];

describe('the secrets in a text', () => {
  it.each<[string, string, string[]]>([
    ['alone', one, [one]],
    ['of a subscription', sub, [sub]],
    ['with a line end', `${one}\r\n`, [one]],
    ['in quotes', `"${one}"`, [one]],
    ['as a header', `Authorization: Bearer ${one}`, [one]],
    ['as an assignment', `OPENAI_API_KEY='${one}';`, [one]],
    ['in a list', `${one},${two}`, [one, two]],
    ['twice', `${one} ${one}`, [one]],
    ['right after another', one + two + sub + one, [one, two, sub]],
    ['with letters before and behind', `x${one}x`, [one]],
    ['after its own beginning', `sk-${one}`, [one]],
    ['after the beginning of another', `sk-sub-sk-${one.slice(3, 40)}${two}`, [two]],
    ['in a URL', `https://u:${one}@host/?k=${sub}#${two}`, [one, sub, two]],
    ['in JSON within JSON', JSON.stringify(JSON.stringify({ key: one })), [one]],
    ['among characters of other scripts', `ключ${one}🙂\u200b`, [one]],
  ])('are found %s', (_what, text, expected) => {
    expect(findSecrets(text)).toEqual(expected);
  });

  it.each<[string, string]>([
    ['cut', one.slice(0, -1)],
    ['with one character changed', `${one.slice(0, 20)}${one[20] === 'a' ? 'b' : 'a'}${one.slice(21)}`],
    ['in capitals', one.toUpperCase()],
    ['broken by a line end', `${one.slice(0, 30)}\n${one.slice(30)}`],
    ['with another prefix', `pk-${one.slice(3)}`],
    ['of another maker', 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'],
    ['empty', ''],
  ])('are not found %s', (_what, text) => {
    expect(findSecrets(text)).toEqual([]);
  });

  it('are all found, and nothing else, whatever stands between them', () => {
    const between = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom('', '"', ',', '\n', 'sk-', 'sk-sub-', 'sk', '-', 'Bearer '),
    );
    const secrets = fc.constantFrom(one, two, sub);
    fc.assert(
      fc.property(between, fc.array(fc.tuple(secrets, between), { maxLength: 6 }), (start, parts) => {
        const text = start + parts.map(([secret, rest]) => secret + rest).join('');
        expect(new Set(findSecrets(text))).toEqual(new Set(parts.map(([secret]) => secret)));
      }),
    );
  });

  it('are found in time that grows as the text, also where it is made to look like secrets', () => {
    const looks = ['sk-', 'sk-sub-', `sk-${'a'.repeat(50)}`, `sk-${'a'.repeat(49)}-`, 's', 'a'].map((part) =>
      part.repeat(Math.ceil(8_000_000 / part.length)),
    );
    for (const text of looks) expect(findSecrets(text + one)).toEqual([one]);
  });
});
