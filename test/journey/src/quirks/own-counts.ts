import {
  chunk,
  completion,
  events,
  openSse,
  plain,
  role,
  sse,
  stop,
  words,
  type Script,
} from '../kit/scripted-provider/index.js';
import type { Quirk, Range } from './quirk.js';

/** About 2,000 tokens of any tokenizer, 9,600 bytes. */
const text = 'one two three four five '.repeat(400);
const textTokens: Range = [1_500, 3_000];
/** About 1,650 tokens, 9,900 bytes. */
const thoughts = 'think '.repeat(1_650);
const thoughtTokens: Range = [1_200, 3_000];
const hiTokens: Range = [1, 110];

const said = (message: Readonly<Record<string, unknown>>): Script => plain(completion({ content: null, ...message }));
const streamed = (...deltas: readonly object[]): Script =>
  sse(events([...deltas.map((delta) => chunk(delta)), stop, '[DONE]']));
/** A text in ten deltas. */
const inTen = (whole: string, delta: (part: string, index: number) => object): Script => {
  const size = Math.ceil(whole.length / 10);
  return streamed(
    ...Array.from({ length: 10 }, (_, index) => delta(whole.slice(index * size, (index + 1) * size), index)),
  );
};
const call = (name: string, args: string) => ({ id: 'call_1', type: 'function', function: { name, arguments: args } });

/** Texts that nobody reports the tokens of. */
const outputs: readonly (readonly [what: string, plainly: Script | null, inStream: Script | null, tokens: Range])[] = [
  ['content', said({ content: text }), inTen(text, (content) => ({ content })), textTokens],
  [
    'content in a single event',
    null,
    sse(events([chunk({ role: 'assistant', content: text }, 'stop'), '[DONE]'])),
    textTokens,
  ],
  [
    'content as a list of parts',
    said({ content: [{ type: 'text', text }] }),
    streamed({ content: [{ type: 'text', text }] }),
    textTokens,
  ],
  [
    'reasoning_content',
    said({ content: '42', reasoning_content: thoughts }),
    inTen(thoughts, (part) => ({ reasoning_content: part })),
    thoughtTokens,
  ],
  [
    'reasoning',
    said({ content: '42', reasoning: thoughts }),
    inTen(thoughts, (part) => ({ reasoning: part })),
    thoughtTokens,
  ],
  [
    'reasoning that is told under two names, once',
    said({ content: '42', reasoning: thoughts, reasoning_content: thoughts }),
    inTen(thoughts, (part) => ({ reasoning: part, reasoning_content: part })),
    thoughtTokens,
  ],
  [
    'reasoning that is told again in details, once',
    said({ content: '42', reasoning: thoughts, reasoning_details: [{ type: 'reasoning.text', text: thoughts }] }),
    inTen(thoughts, (part) => ({ reasoning: part, reasoning_details: [{ type: 'reasoning.text', text: part }] })),
    thoughtTokens,
  ],
  ['a refusal', said({ refusal: text }), inTen(text, (refusal) => ({ refusal })), textTokens],
  [
    "a tool's arguments",
    said({ tool_calls: [call('write', JSON.stringify({ text }))] }),
    inTen(JSON.stringify({ text }), (part, index) => ({
      tool_calls: [index === 0 ? { index: 0, ...call('write', part) } : { index: 0, function: { arguments: part } }],
    })),
    textTokens,
  ],
  [
    "many tools' names",
    said({ tool_calls: Array.from({ length: 100 }, (_, index) => call(`write_the_file_number_${index}`, '{}')) }),
    streamed(
      ...Array.from({ length: 100 }, (_, index) => ({
        tool_calls: [{ index, ...call(`write_the_file_number_${index}`, '{}') }],
      })),
    ),
    [400, 1_200],
  ],
  [
    'a function call of old',
    said({ function_call: { name: 'write', arguments: JSON.stringify({ text }) } }),
    inTen(JSON.stringify({ text }), (part) => ({ function_call: { arguments: part } })),
    textTokens,
  ],
  [
    'text outside of ASCII',
    said({ content: '今天天气很好，我们去公园散步吧。'.repeat(200) }),
    inTen('今天天气很好，我们去公园散步吧。'.repeat(200), (content) => ({ content })),
    [1_200, 6_500],
  ],
  [
    'escapes as the characters they stand for',
    plain(completion({ content: 'x' }).replace('"x"', `"${'\\u0041'.repeat(4_000)}"`)),
    null,
    [200, 3_000],
  ],
];

const logprobs = (token: string): object => ({
  ...chunk({}),
  choices: [
    {
      index: 0,
      delta: { content: token },
      finish_reason: null,
      logprobs: {
        content: [
          {
            token,
            logprob: -0.1,
            bytes: [...Buffer.from(token)],
            top_logprobs: Array.from({ length: 5 }, (_, index) => ({
              token: `${token}${index}`,
              logprob: -1,
              bytes: [...Buffer.from(token)],
            })),
          },
        ],
      },
    },
  ],
});

/** Parts of an answer that are no text. */
const silentParts: readonly (readonly [what: string, delta: object])[] = [
  ['padding against eavesdroppers', {}],
  ['a spoken answer', { audio: { id: 'a', data: 'UklGR'.repeat(40_000), transcript: 'hello there' } }],
  [
    'a drawn answer',
    { images: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'iVBOR'.repeat(40_000)}` } }] },
  ],
];

const countedOutputs: readonly Quirk[] = [
  ...silentParts.flatMap(([what, delta]): Quirk[] => [
    {
      name: `${what} is not counted by its characters in a stream`,
      request: { stream: true },
      plays: [sse(events([{ ...chunk({ content: 'hi', ...delta }), obfuscation: 'x'.repeat(4_000) }, stop, '[DONE]']))],
      expect: { status: 200, usage: { input: hiTokens, output: [1, 3_000] } },
    },
    {
      name: `${what} is not counted by its characters in a plain reply`,
      plays: [plain(completion({ content: 'hi', ...delta }, undefined, { obfuscation: 'x'.repeat(40_000) }))],
      expect: { status: 200, usage: { input: hiTokens, output: [1, 3_000] } },
    },
  ]),
  ...outputs.flatMap(([what, plainly, inStream, tokens]): Quirk[] => [
    ...(plainly === null
      ? []
      : [
          {
            name: `where nothing is reported, ${what} is counted by its text`,
            plays: [plainly],
            expect: { status: 200, usage: { input: hiTokens, output: tokens } },
          },
        ]),
    ...(inStream === null
      ? []
      : [
          {
            name: `where a stream reports nothing, ${what} is counted by its text`,
            request: { stream: true },
            plays: [inStream],
            expect: { status: 200, usage: { input: hiTokens, output: tokens } },
          },
        ]),
  ]),
  {
    name: 'log probabilities are not counted as text',
    request: { stream: true },
    plays: [
      sse(events([role, ...Array.from({ length: 100 }, (_, index) => logprobs(` word${index}`)), stop, '[DONE]'])),
    ],
    expect: { status: 200, usage: { input: hiTokens, output: [80, 300] } },
  },
  {
    name: 'long names and ids around short texts are not counted',
    request: { stream: true },
    plays: [
      sse(
        events([
          role,
          ...words.map((each) => ({ ...each, id: 'chatcmpl-'.padEnd(400, 'x'), system_fingerprint: 'f'.repeat(400) })),
          stop,
          '[DONE]',
        ]),
      ),
    ],
    expect: { status: 200, usage: { input: hiTokens, output: [20, 70] } },
  },
  {
    name: 'all choices are counted, not the first alone',
    request: { fields: { n: 2 } },
    plays: [
      plain(
        JSON.stringify({
          id: 'c',
          object: 'chat.completion',
          choices: [0, 1].map((index) => ({
            index,
            message: { role: 'assistant', content: text },
            finish_reason: 'stop',
          })),
        }),
      ),
    ],
    expect: { status: 200, usage: { input: hiTokens, output: [3_000, 6_000] } },
  },
  {
    name: 'the answer is counted by its text where the client left before the report',
    request: { stream: true },
    leaves: { having: 'the-end' },
    plays: [
      [
        ...openSse(
          events([
            role,
            ...Array.from({ length: 10 }, () => chunk({ content: text.slice(0, 960) })),
            chunk({ content: 'the-end' }),
          ]),
        ),
        'await-left',
        'reset',
      ],
    ],
    expect: { status: 200, usage: { input: hiTokens, output: textTokens } },
  },
];

const base64 = 'iVBORw0KGgo'.repeat(190_650);
const png = `data:image/png;base64,${base64}`;
const ask = (...parts: readonly object[]) => ({
  messages: [{ role: 'user', content: [{ type: 'text', text: 'what is it?' }, ...parts] }],
});
const image = (url: string) => ({ type: 'image_url', image_url: { url } });

/** Parts of a request that are no text, and what they may count at most where nothing is reported. */
const attachments: readonly (readonly [what: string, fields: object, tokens: Range])[] = [
  ['an image of 2 MB', ask(image(png)), [1, 5_000]],
  ['an image whose URL is a text', ask({ type: 'image_url', image_url: png }), [1, 5_000]],
  [
    'an image whose label is in capitals',
    ask(image(png.replace('data:image/png;base64', 'DATA:image/PNG;BASE64'))),
    [1, 5_000],
  ],
  ['a film', ask({ type: 'video_url', video_url: { url: `data:video/mp4;base64,${base64}` } }), [1, 60_000]],
  ['an image of low detail', ask({ type: 'image_url', image_url: { url: png, detail: 'low' } }), [1, 5_000]],
  ['an image by address', ask(image('https://example.com/cat.png')), [1, 5_000]],
  [
    'three images',
    ask(image(png.slice(0, 400_022)), image(png.slice(0, 400_022)), image(png.slice(0, 400_022))),
    [1, 15_000],
  ],
  ['a recording', ask({ type: 'input_audio', input_audio: { data: base64, format: 'wav' } }), [1, 60_000]],
  [
    'a file',
    ask({ type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${base64}` } }),
    [1, 100_000],
  ],
  [
    'an image in the result of a tool',
    { messages: [{ role: 'tool', tool_call_id: 't', content: [image(png)] }] },
    [1, 5_000],
  ],
  ['an image beside a long text', ask(image(png), { type: 'text', text }), [1_500, 8_000]],
  [
    'a long text that begins like an image',
    { messages: [{ role: 'user', content: `data:image/png;base64,${text}` }] },
    [1_500, 3_200],
  ],
  [
    'a long text in an escaped image field of the text',
    { messages: [{ role: 'user', content: JSON.stringify(ask(image(text))) }] },
    [1_500, 3_400],
  ],
];

const catReport = { prompt_tokens: 1_049, completion_tokens: 59, total_tokens: 1_108 };
const oneMegabyte = ask(image(png.slice(0, 1_000_022)));

const countedInputs: readonly Quirk[] = [
  ...attachments.map(([what, fields, tokens]): Quirk => ({
    name: `where nothing is reported, ${what} is not counted by its base64, and text is counted`,
    request: { fields: { ...fields } },
    plays: [plain(completion('a cat'))],
    expect: { status: 200, usage: { input: tokens, output: [1, 10] } },
  })),
  {
    name: 'a client that leaves a stream about an image does not pay for its base64',
    request: { stream: true, fields: ask(image(png)) },
    leaves: { having: 'word19' },
    plays: [[...openSse(events([role, ...words])), 'await-left', 'reset']],
    expect: { status: 200, usage: { input: [1, 5_000], output: [20, 70] } },
  },
  {
    name: 'a broken stream about an image is not charged for its base64',
    request: { stream: true, fields: ask(image(png)) },
    plays: [[...openSse(events([role, ...words])), 'await-word19', 'reset']],
    expect: { status: 200, usage: { input: [1, 5_000], output: [20, 70] } },
  },
  {
    name: 'an error about an image costs nothing',
    request: { fields: ask(image(png)) },
    plays: [plain('{"error":{"message":"rate-limited upstream","code":429}}')],
    expect: { status: 429, code: 'provider_overloaded', usage: 'nothing' },
  },
  {
    name: 'images in a row do not use up the tokens of a minute by their base64',
    key: { rate_limits: { tokens_per_minute: 50_000 } },
    calls: { inARow: 3 },
    request: { fields: oneMegabyte },
    plays: [plain(completion('a cat', catReport))],
    expect: { status: 200, usage: { input: 3 * 1_049, output: 3 * 59 } },
  },
  {
    name: 'images at once do not use up the tokens of a minute by their base64',
    key: { rate_limits: { tokens_per_minute: 300_000 } },
    calls: { atOnce: 3 },
    request: { fields: oneMegabyte },
    plays: [plain(completion('a cat', catReport))],
    expect: { status: 200, usage: { input: 3 * 1_049, output: 3 * 59 } },
  },
];

/** What we count ourselves is text: near the truth both ways. */
export const ownCountQuirks: readonly Quirk[] = [...countedOutputs, ...countedInputs];
