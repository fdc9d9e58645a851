import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanBody, type ChatFields } from './chat-fields.js';
import { estimateInputTokens, estimateInputTokensInSteps, estimateSteps } from './input-estimate.js';

const IMAGE = 1_100,
  LOW = 85,
  PAGE = 2_000,
  REFERENCE = 10_000;
const base64 = (bytes: number): string => 'iVBORw0K'.repeat(Math.ceil(bytes / 6)).slice(0, Math.ceil(bytes / 3) * 4);
const png = (bytes: number): string => `data:image/png;base64,${base64(bytes)}`;
const pdf = (bytes: number): string => `data:application/pdf;base64,${base64(bytes)}`;
/** A wave file of this many seconds, with 24,000 samples of two bytes per second. */
const wave = (seconds: number): string => {
  const head = Buffer.alloc(48);
  head.write('RIFF', 0, 'latin1');
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(48_000, 28);
  return Buffer.concat([head, Buffer.alloc(48_000 * seconds)]).toString('base64');
};

/** Kinds of parts of a message, with the tokens that each counts as and the bytes of it that are no text. */
const PARTS: readonly (readonly [what: string, part: unknown, tokens: number, held: string | readonly string[]])[] = [
  ['an image', { type: 'image_url', image_url: { url: png(2_000_000) } }, IMAGE, png(2_000_000)],
  ['a small image', { type: 'image_url', image_url: { url: png(60) } }, IMAGE, png(60)],
  ['an image of low detail', { type: 'image_url', image_url: { url: png(1_000), detail: 'low' } }, LOW, png(1_000)],
  [
    'an image of low detail, said first',
    { type: 'image_url', image_url: { detail: 'low', url: png(1_000) } },
    LOW,
    png(1_000),
  ],
  ['an image of high detail', { type: 'image_url', image_url: { url: png(1_000), detail: 'high' } }, IMAGE, png(1_000)],
  ['an image, named last', { image_url: { url: png(1_000) }, type: 'image_url' }, IMAGE, png(1_000)],
  [
    'an image at an address',
    { type: 'image_url', image_url: { url: 'https://a.example/cat.png' } },
    IMAGE,
    'https://a.example/cat.png',
  ],
  ['an image whose address is no object', { type: 'input_image', image_url: png(1_000) }, IMAGE, png(1_000)],
  ['an image as bare base64', { type: 'image', image: base64(9_000) }, IMAGE, base64(9_000)],
  [
    'an image as Anthropic has it',
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: base64(9_000) } },
    IMAGE,
    base64(9_000),
  ],
  [
    'an image that a tool returned',
    {
      type: 'tool_result',
      content: [
        { type: 'text', text: 'seen' },
        { type: 'image', source: { type: 'base64', data: base64(9_000) } },
      ],
    },
    IMAGE,
    base64(9_000),
  ],
  ['speech', { type: 'input_audio', input_audio: { data: wave(10), format: 'wav' } }, 161, wave(10)],
  [
    'compressed speech',
    { type: 'input_audio', input_audio: { data: base64(80_000), format: 'mp3' } },
    101,
    base64(80_000),
  ],
  ['a short sound', { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } }, 1, 'AAAA'],
  [
    'speech at an address',
    { type: 'audio_url', audio_url: { url: 'https://a.example/speech.mp3' } },
    REFERENCE,
    'https://a.example/speech.mp3',
  ],
  ['a document', { type: 'file', file: { filename: 'a.pdf', file_data: pdf(1_000_000) } }, 21 * PAGE, pdf(1_000_000)],
  ['a small document', { type: 'file', file: { file_data: pdf(300), filename: 'a.pdf' } }, PAGE, pdf(300)],
  [
    'a document of thousands of pages',
    { type: 'file', file: { file_data: pdf(30_000_000) } },
    100 * PAGE,
    pdf(30_000_000),
  ],
  ['a document as an image', { type: 'image_url', image_url: { url: pdf(1_000_000) } }, 21 * PAGE, pdf(1_000_000)],
  ['a document by its id', { type: 'file', file: { file_id: 'file-abc123' } }, REFERENCE, 'file-abc123'],
  [
    'a text file',
    { type: 'file', file: { file_data: `data:text/plain;base64,${base64(30_000)}` } },
    7_500,
    `data:text/plain;base64,${base64(30_000)}`,
  ],
  [
    'a video',
    { type: 'video_url', video_url: { url: `data:video/mp4;base64,${base64(2_400_000)}` } },
    3_000,
    `data:video/mp4;base64,${base64(2_400_000)}`,
  ],
  [
    'the frames of a video',
    { type: 'video', video: ['https://a.example/1.jpg', 'https://a.example/2.jpg'] },
    2 * IMAGE,
    ['https://a.example/1.jpg', 'https://a.example/2.jpg'],
  ],
  ['text', { type: 'text', text: 'what is it?' }, 0, ''],
  ['text that looks like an image', { type: 'text', text: png(1_000) }, 0, ''],
  ['a part nobody knows', { type: 'thing', thing: { url: png(300) } }, 0, ''],
];

const chat = (...content: unknown[]): object => ({
  model: 'm',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content },
  ],
});
const textOnly = (bytes: number): number => Math.ceil(bytes / 4);

describe('the estimate of input', () => {
  it.each(PARTS)('of %s is its figure and the text around it', (_what, part, tokens, held) => {
    const body = json(chat({ type: 'text', text: 'Look:' }, part));
    const bytes = (typeof held === 'string' ? [held] : held).reduce((sum, each) => sum + each.length, 0);
    const estimate = estimated(body);
    // The estimate rounds seconds and pages up.
    expect(Math.abs(estimate - (textOnly(body.length - bytes) + tokens))).toBeLessThanOrEqual(2);
  });

  it('of several parts is the sum of their figures', () => {
    const body = json(
      chat(
        { type: 'image_url', image_url: { url: png(900), detail: 'low' } },
        { type: 'image_url', image_url: { url: png(900) } },
        { type: 'text', text: 'Which?' },
      ),
    );
    expect(estimated(body)).toBe(textOnly(body.length - 2 * png(900).length) + LOW + IMAGE);
  });

  it('of an image whose slashes are escaped is the same', () => {
    const body = Buffer.from(
      json(chat({ type: 'image_url', image_url: { url: png(9_000) } }))
        .toString()
        .replaceAll('/', '\\/'),
    );
    expect(estimated(body)).toBeLessThan(IMAGE + 100);
  });

  it.each<[string, object]>([
    ['plain messages', { model: 'm', messages: [{ role: 'user', content: 'hi '.repeat(1_000) }] }],
    ['an image as the text of a message', { model: 'm', messages: [{ role: 'user', content: png(3_000) }] }],
    [
      'calls of tools',
      {
        model: 'm',
        messages: [
          {
            role: 'assistant',
            content: null,
            tool_calls: [
              {
                id: 'c',
                type: 'function',
                function: { name: 'image_url', arguments: JSON.stringify({ url: png(300) }) },
              },
            ],
          },
        ],
      },
    ],
    [
      'arguments that are an object',
      {
        model: 'm',
        messages: [{ role: 'assistant', tool_calls: [{ function: { arguments: { image_url: { url: png(300) } } } }] }],
      },
    ],
    [
      'a schema that speaks of images',
      {
        model: 'm',
        messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
        tools: [
          { type: 'function', function: { name: 'f', parameters: { properties: { image_url: { url: png(300) } } } } },
        ],
      },
    ],
    ['no messages', { model: 'm' }],
    ['messages that are none', { model: 'm', messages: { a: { b: { c: { image_url: 'no' } } } } }],
  ])('of %s is four bytes a token', (_what, body) => expect(estimated(json(body))).toBe(textOnly(json(body).length)));

  it('of text whose characters are spelt as escapes is that of the characters', () => {
    const body = {
      model: 'm',
      messages: [{ role: 'user', content: '网关在转发请求之前会检查密钥 — дважды, é, 🎉, C:\\users\\u' }],
    };
    const escaped = Buffer.from(
      JSON.stringify(body).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    );
    expect(estimated(escaped)).toBe(estimated(json(body)));
    expect(estimated(json(body))).toBe(textOnly(json(body).length));
  });

  it('never grows with the data of an image', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.nat(3_000), fc.boolean(), (bytes, more, low) => {
        const image = (size: number): Buffer =>
          json(chat({ type: 'image_url', image_url: { url: png(size), ...(low ? { detail: 'low' } : {}) } }));
        expect(estimated(image(bytes + more))).toBe(estimated(image(bytes)));
      }),
    );
  });

  it('counts the text around parts as it counts text, and is never above four bytes a token and the figures', () => {
    const part = fc.constantFrom(
      ...PARTS.slice(1)
        .map(([, each]) => each)
        .filter((each) => JSON.stringify(each).length < 200_000),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.string({ unit: 'grapheme', maxLength: 200 }), (parts, text) => {
        const without = json(chat(...parts, { type: 'text', text: '' }));
        const body = json(chat(...parts, { type: 'text', text }));
        expect(
          Math.abs(estimated(body) - estimated(without) - (escapesOut(body) - escapesOut(without)) / 4),
        ).toBeLessThanOrEqual(1);
        expect(estimated(body)).toBeLessThanOrEqual(textOnly(body.length) + parts.length * REFERENCE + 1);
      }),
    );
  });

  it('is a whole number for any body that is JSON', () => {
    const names = fc.constantFrom(
      'role',
      'content',
      'type',
      'image_url',
      'url',
      'detail',
      'input_audio',
      'data',
      'file',
      'file_data',
      'file_id',
      'video',
      'text',
      'source',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'image_url',
        'low',
        'data:',
        'data:,',
        'data:image/png;base64,',
        'data:audio/wav;base64,UklGRg==',
        'https://a.example',
        'file',
        'UklGR',
        '\\',
        '"',
      ),
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 7 },
        texts,
        fc.integer(),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.array(fc.dictionary(names, value, { maxKeys: 3 })), (messages) => {
        const body = json({ model: 'm', messages });
        const estimate = estimated(body);
        expect(Number.isSafeInteger(estimate) && estimate >= 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('reads a body of a million fragments once', () => {
    const hostile = ['"data:', '"data:image/png;base64,"', '\\"data:', '{"url":"data:"}'].map((fragment) =>
      JSON.stringify(fragment).slice(1, -1),
    );
    for (const fragment of hostile) {
      const body = json(chat({ type: 'image_url', image_url: { url: 'REPLACE' } }));
      const large = Buffer.from(body.toString().replace('REPLACE', fragment.repeat(1_000_000)));
      expect(estimated(large)).toBeLessThan(IMAGE + REFERENCE + 100);
    }
    const parts = Buffer.from(
      `{"model":"m","messages":[{"role":"user","content":[${'{"image_url":{"url":"data:"}},'.repeat(300_000)}{}]}]}`,
    );
    expect(estimated(parts)).toBeGreaterThan(300_000 * IMAGE);
  });

  it.each<[string, string]>([
    ['escapes', `{"model":"m","x":"${'\\u00e9'.repeat(600_000)}"}`],
    ['escapes that are none', `{"model":"m","x":"${'\\n'.repeat(1_500_000)}"}`],
    ['parts', `{"messages":[{"content":[${'{"type":"image_url","image_url":{"url":"data:"}},'.repeat(60_000)}{}]}]}`],
    ['one part', `{"messages":[{"content":[{"type":"text","text":"${'\\"'.repeat(1_500_000)}"}]}]}`],
  ])('of a large body leaves a turn to others after each step, and comes to the same: %s', async (_what, text) => {
    const body = Buffer.from(text);
    const fields = scanBody(body) as ChatFields;
    const places: number[] = [];
    for (const steps = estimateSteps(body, fields); ;) {
      const { done, value } = steps.next();
      if (done === true) break;
      // The place starts again at the second pass, which looks at parts.
      expect(value - (places.at(-1) ?? 0)).toBeLessThan(300_000);
      places.push(value);
    }
    expect(places.length).toBeGreaterThan(8);
    let turns = 0;
    expect(await estimateInputTokensInSteps(body, fields, () => Promise.resolve(void (turns += 1)))).toBe(
      estimateInputTokens(body, fields),
    );
    expect(turns).toBe(places.length);
  });
});

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The bytes of a body after its escapes are replaced by the characters that they stand for. */
function escapesOut(body: Buffer): number {
  return Buffer.byteLength(
    body
      .toString()
      .replace(/(\\\\)|\\u([0-9a-f]{4})/g, (all, slashes, digits) =>
        slashes === undefined ? String.fromCharCode(Number.parseInt(digits, 16)) : all,
      ),
  );
}

function estimated(body: Buffer): number {
  const fields = scanBody(body);
  if ('kind' in fields) throw new Error(`the body of the test is wrong: ${fields.kind}`);
  return estimateInputTokens(body, fields);
}
