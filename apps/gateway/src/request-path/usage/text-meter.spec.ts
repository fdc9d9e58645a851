import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import { measureTexts, TextMeter } from './text-meter.js';

/** Texts as models write them, with the lowest and highest ratio of the measure to a tokenizer. */
const TEXTS: readonly (readonly [name: string, text: string, lowest: number, highest: number])[] = [
  [
    'English',
    'The gateway passes a stream through: what arrives in one turn is looked at and written once. Whoever reads a long answer sees it come in pieces, and nobody minds.',
    0.8,
    1.35,
  ],
  [
    'code',
    'export function settle(journal: Journal): (exchange: Exchange) => Promise<unknown> {\n  return ({ key, target }) => {\n    if (key === null) return Promise.resolve();\n    journal.append(target.name, key.id);\n  };\n}\n',
    0.8,
    1.35,
  ],
  [
    'Python',
    'def fib(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n\nif __name__ == "__main__":\n    print([fib(i) for i in range(20)])\n',
    0.7,
    1.3,
  ],
  [
    'arguments of a tool',
    '{"city":"Lisbon","days":[1,2,3],"unit":"celsius","options":{"hourly":true,"fields":["temperature","wind_speed"]}}',
    0.7,
    1.4,
  ],
  ['numbers', Array.from({ length: 80 }, (_, i) => ((i * 7919.37) % 1000).toFixed(3)).join(', '), 0.6, 1.3],
  [
    'German',
    'Die Schnittstelle prüft den Schlüssel, bevor die Anfrage weitergeleitet wird; danach wird abgerechnet, was der Anbieter gemeldet hat.',
    0.8,
    1.35,
  ],
  [
    'Russian',
    'Шлюз проверяет ключ до того, как запрос будет передан провайдеру, а затем списывает столько, сколько провайдер указал в отчёте.',
    0.8,
    1.35,
  ],
  [
    'Greek',
    'Η πύλη ελέγχει το κλειδί πριν προωθηθεί το αίτημα και στη συνέχεια χρεώνει όσα ανέφερε ο πάροχος.',
    0.7,
    1.3,
  ],
  [
    'Arabic',
    'تتحقق البوابة من المفتاح قبل إعادة توجيه الطلب ثم تحاسب على ما أبلغ عنه المزود لا أكثر ولا أقل.',
    0.7,
    1.3,
  ],
  [
    'Chinese',
    '网关在转发请求之前会检查密钥，然后按照供应商报告的用量进行计费，不多也不少。如果供应商没有报告，我们就自己计算。',
    0.7,
    1.3,
  ],
  [
    'Japanese',
    'ゲートウェイは、リクエストを転送する前にキーを確認し、その後、プロバイダーが報告した使用量に応じて課金します。',
    0.7,
    1.3,
  ],
  [
    'Korean',
    '게이트웨이는 요청을 전달하기 전에 키를 확인한 다음 공급자가 보고한 사용량에 따라 요금을 청구합니다.',
    0.7,
    1.3,
  ],
  [
    'Hindi',
    'गेटवे अनुरोध को आगे भेजने से पहले कुंजी की जाँच करता है और फिर प्रदाता द्वारा बताए गए उपयोग के अनुसार शुल्क लेता है।',
    0.7,
    1.35,
  ],
  ['Thai', 'เกตเวย์จะตรวจสอบคีย์ก่อนส่งต่อคำขอ จากนั้นจะเรียกเก็บเงินตามการใช้งานที่ผู้ให้บริการรายงาน', 0.7, 1.3],
  [
    'emoji among words',
    'Great work! 🎉 The build is green ✅ and the release is out 🚀 — thanks everyone 🙏',
    0.7,
    1.35,
  ],
  ['emoji alone', '😀🎉🚀🔥👍🏽👨‍👩‍👧‍👦❤️✨🙏🌍💡🤖🎵🍕⚽️🏠🐶🦊🌈☀️', 0.5, 1.3],
  // Tokenizers need many tokens for this text, and no cheap measure can predict that.
  [
    'base64',
    Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 7919 + i * i * 31) & 255)).toString('base64'),
    0.45,
    1.2,
  ],
];

describe('the measure of text', () => {
  it.each(TEXTS)('is near what a tokenizer counts for %s', (_name, text, lowest, highest) => {
    const ratio = measureTexts([text]) / countTokens(text);
    expect(ratio).toBeGreaterThanOrEqual(lowest);
    expect(ratio).toBeLessThanOrEqual(highest);
  });

  it('is four letters a token, and one token for a single one', () => {
    expect(measureTexts(['one two three four five '.repeat(400)])).toBe(2_400);
    expect(measureTexts(['a'])).toBe(1);
    expect(measureTexts([])).toBe(0);
    expect(measureTexts([''])).toBe(0);
  });

  it('is the same for text, for its bytes, for its bytes in pieces, and for JSON with or without escapes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(100), (text, cut) => {
        const expected = measureTexts([text]);
        const bytes = Buffer.from(text).toString('latin1');
        const at = Math.min(cut, bytes.length);
        expect(
          measured((meter) => {
            meter.addLatin1(bytes, 0, at);
            meter.addLatin1(bytes, at);
          }),
        ).toBe(expected);
        const escaped = [...text]
          .map((character) =>
            character.length > 1 || character > '~'
              ? [...Array(character.length).keys()]
                  .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
                  .join('')
              : JSON.stringify(character).slice(1, -1),
          )
          .join('');
        const quoted = Buffer.from(JSON.stringify(text)).toString('latin1');
        if (/^[^"\\\n\t]*$/.test(text)) {
          expect(measured((meter) => meter.addJsonLatin1(escaped))).toBe(expected);
          expect(measured((meter) => meter.addJsonLatin1(quoted, 1, quoted.length - 1))).toBe(expected);
        }
      }),
    );
  });

  it('takes an escape as one character, and a broken one as no more than that', () => {
    expect(measured((meter) => meter.addJsonLatin1('\\n\\"\\\\\\t'.repeat(10)))).toBe(
      measureTexts(['\n"\\\t'.repeat(10)]),
    );
    expect(measured((meter) => meter.addJsonLatin1('\\uzzzz\\u12'))).toBeGreaterThan(0);
    expect(measured((meter) => meter.addJsonLatin1('\\'))).toBe(1);
  });
});

function measured(add: (meter: TextMeter) => void): number {
  const meter = new TextMeter();
  add(meter);
  return meter.tokens();
}
