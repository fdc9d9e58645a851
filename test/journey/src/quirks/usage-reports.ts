import {
  chunk,
  completion,
  events,
  plain,
  reported,
  role,
  sse,
  stop,
  usageChunk,
  words,
  wordsText,
} from '../kit/scripted-provider/index.js';
import type { ExpectedUsage, Quirk } from './quirk.js';
import { outputTokensMax } from './quirk-stage.js';

type Tokens = Exclude<ExpectedUsage, string>;

interface Report {
  /** Whose shape it is, or what is odd about it. */
  readonly what: string;
  readonly usage: unknown;
  readonly is: Tokens;
}

const report = (
  what: string,
  usage: unknown,
  input: Tokens['input'],
  output: Tokens['output'],
  cached = 0,
): Report => ({ what, usage, is: { input, output, cached } });

/** Our own count of "hi", and of the twenty words: near the truth. */
const countedInput = [1, 110] as const;
const countedOutput = [20, 70] as const;

/** Reports beside the twenty words, plain and at the end of a stream. */
const reports: readonly Report[] = [
  report(
    'with details',
    {
      ...reported,
      prompt_tokens_details: { cached_tokens: 40, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 30 },
    },
    100,
    50,
    40,
  ),
  report('without a total', { prompt_tokens: 100, completion_tokens: 50 }, 100, 50),
  report('with a total of null', { ...reported, total_tokens: null }, 100, 50),
  report('with a total below its parts', { ...reported, total_tokens: 1 }, 100, 50),
  report(
    'with details of null',
    { ...reported, prompt_tokens_details: null, completion_tokens_details: null },
    100,
    50,
  ),
  report(
    'with details that are no objects',
    { ...reported, prompt_tokens_details: [], completion_tokens_details: 'none' },
    100,
    50,
  ),
  report(
    'with costs and fields of its own',
    { ...reported, cost: 0.01, cost_details: { upstream_inference_cost: null }, is_byok: false, prompt_tps: 21.5 },
    100,
    50,
  ),
  report('of zeros', { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, countedInput, countedOutput),
  report('with an output of zero', { prompt_tokens: 100, completion_tokens: 0, total_tokens: 100 }, 100, countedOutput),
  report('with an input of zero', { prompt_tokens: 0, completion_tokens: 50, total_tokens: 50 }, countedInput, 50),
  report(
    'of xAI: reasoning on top of completion_tokens',
    { prompt_tokens: 32, completion_tokens: 9, total_tokens: 135, completion_tokens_details: { reasoning_tokens: 94 } },
    32,
    103,
  ),
  report(
    'of Gemini: completion_tokens without thoughts',
    { prompt_tokens: 20, completion_tokens: 424, total_tokens: 1_016 },
    20,
    996,
  ),
  report(
    'of Gemini: thoughts alone',
    { prompt_tokens: 21, completion_tokens: 0, total_tokens: 81, completion_tokens_details: { reasoning_tokens: 60 } },
    21,
    60,
  ),
  report(
    'whose reasoning is part of completion_tokens',
    {
      prompt_tokens: 32,
      completion_tokens: 103,
      total_tokens: 135,
      completion_tokens_details: { reasoning_tokens: 94 },
    },
    32,
    103,
  ),
  report(
    'of DeepSeek: cache hits at the top',
    {
      prompt_tokens: 10_000,
      completion_tokens: 10,
      total_tokens: 10_010,
      prompt_cache_hit_tokens: 9_900,
      prompt_cache_miss_tokens: 100,
    },
    10_000,
    10,
    9_900,
  ),
  report(
    'of DeepSeek: cache hits at the top and in the details',
    {
      prompt_tokens: 10_000,
      completion_tokens: 10,
      total_tokens: 10_010,
      prompt_cache_hit_tokens: 9_900,
      prompt_tokens_details: { cached_tokens: 9_900 },
    },
    10_000,
    10,
    9_900,
  ),
  report(
    'of Kimi: cached_tokens at the top',
    { prompt_tokens: 10_000, completion_tokens: 10, total_tokens: 10_010, cached_tokens: 9_900 },
    10_000,
    10,
    9_900,
  ),
  report(
    'with more cached than its input',
    { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150, prompt_tokens_details: { cached_tokens: 5_000 } },
    100,
    50,
    100,
  ),
  report(
    'with a negative number of cached tokens',
    { ...reported, prompt_tokens_details: { cached_tokens: -5 }, prompt_cache_hit_tokens: -1 },
    100,
    50,
  ),
  report(
    'of mlx-vlm: input_tokens and output_tokens',
    { input_tokens: 100, output_tokens: 50, total_tokens: 150 },
    100,
    50,
  ),
  report('of null', null, countedInput, countedOutput),
  report('that is empty', {}, countedInput, countedOutput),
  report('that is a list', [], countedInput, countedOutput),
  report('that is a text', 'none', countedInput, countedOutput),
  report('of numbers in texts', { prompt_tokens: '100', completion_tokens: '50' }, countedInput, countedOutput),
  report('of nulls', { prompt_tokens: null, completion_tokens: null, total_tokens: null }, countedInput, countedOutput),
  report(
    'of negative numbers',
    { prompt_tokens: -100, completion_tokens: -50, total_tokens: -150 },
    countedInput,
    countedOutput,
  ),
  report(
    'of fractions',
    { prompt_tokens: 99.5, completion_tokens: 49.5, total_tokens: 149 },
    countedInput,
    countedOutput,
  ),
  report(
    'of numbers that no model reaches',
    { prompt_tokens: 2e9, completion_tokens: 2e9, total_tokens: 4e9 },
    countedInput,
    countedOutput,
  ),
];

const shapes: readonly Quirk[] = reports.flatMap(({ what, usage, is }): Quirk[] => [
  {
    name: `a report ${what} is charged for what it says`,
    plays: [plain(completion(wordsText, usage))],
    expect: { status: 200, content: wordsText, usage: is },
  },
  {
    name: `a stream's report ${what} is charged for what it says`,
    request: { stream: true },
    plays: [sse(events([role, ...words, stop, usageChunk(usage), '[DONE]']))],
    expect: { status: 200, content: wordsText, usage: is },
  },
  {
    name: `a stream's report ${what} is charged for what it says where its last choice has it`,
    request: { stream: true },
    plays: [sse(events([role, ...words, chunk({}, 'stop', { usage }), '[DONE]']))],
    expect: { status: 200, content: wordsText, usage: is },
  },
]);

const inChoice = { ...chunk({}, 'stop'), choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage: reported }] };
const plainInChoice = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: wordsText }, finish_reason: 'stop', usage: reported }],
});
const streamed = (name: string, data: readonly (object | string)[], usage: Tokens): Quirk => ({
  name,
  request: { stream: true },
  plays: [sse(events(data))],
  expect: { status: 200, content: wordsText, ends: '[DONE]', usage },
});
const having =
  (usage: object | null) =>
  (each: object): object => ({ ...each, usage });
const tokens = (input: number, output: number) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
});
const right = { input: 100, output: 50 };
const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };
const textLikeReport = '"usage":{"prompt_tokens":1,"completion_tokens":1}';

/** Where reports stand, and which of several counts. */
const places: readonly Quirk[] = [
  streamed('a report of Kimi inside the last choice is read', [role, ...words, inChoice, '[DONE]'], right),
  {
    name: 'a plain report inside the choice is read',
    plays: [plain(plainInChoice)],
    expect: { status: 200, content: wordsText, usage: right },
  },
  streamed(
    'a report at the top counts beside one in the choice',
    [
      role,
      ...words,
      { ...inChoice, choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage: tokens(7, 7) }] },
      usageChunk(),
      '[DONE]',
    ],
    right,
  ),
  streamed(
    'a report of Groq in a field of its own is read',
    [role, ...words, { ...stop, x_groq: { id: 'req', usage: { ...reported, queue_time: 0.1 } } }, '[DONE]'],
    right,
  ),
  streamed(
    'of reports in every chunk the last counts',
    [
      role,
      ...words.map((each, index) => having(tokens(100, index + 1))(each)),
      { ...stop, usage: tokens(100, 50) },
      '[DONE]',
    ],
    right,
  ),
  streamed(
    'usage of null in every chunk does not hide the report',
    [role, ...words.map(having(null)), having(null)(stop), usageChunk(), '[DONE]'],
    right,
  ),
  streamed(
    'zeros in every chunk do not hide the report',
    [role, ...words.map(having(tokens(0, 0))), usageChunk(), '[DONE]'],
    right,
  ),
  streamed(
    'a report of zeros after a good one changes nothing',
    [role, ...words, chunk({}, 'stop', { usage: reported }), usageChunk(tokens(0, 0)), '[DONE]'],
    right,
  ),
  streamed(
    'a later report never lowers an earlier one',
    [role, ...words, chunk({}, 'stop', { usage: reported }), usageChunk(tokens(100, 10)), '[DONE]'],
    right,
  ),
  streamed(
    'a later report may raise an earlier one',
    [role, ...words, chunk({}, 'stop', { usage: tokens(100, 10) }), usageChunk(), '[DONE]'],
    right,
  ),
  streamed(
    'a report that is repeated counts once',
    [role, ...words, chunk({}, 'stop', { usage: reported }), usageChunk(), usageChunk(), '[DONE]'],
    right,
  ),
  streamed(
    'a report of null after a good one changes nothing',
    [role, ...words, chunk({}, 'stop', { usage: reported }), usageChunk(null), '[DONE]'],
    right,
  ),
  {
    name: 'what looks like a report inside the text of a stream is text',
    request: { stream: true },
    plays: [sse(events([role, chunk({ content: textLikeReport }), stop, usageChunk(), '[DONE]']))],
    expect: { status: 200, content: textLikeReport, usage: right },
  },
  {
    name: 'numbers with a point and a zero are whole numbers',
    plays: [
      plain(
        completion(wordsText, reported).replace(
          '"prompt_tokens":100,"completion_tokens":50',
          '"prompt_tokens":100.0,"completion_tokens":5.0e1',
        ),
      ),
    ],
    expect: { status: 200, content: wordsText, usage: right },
  },
  {
    name: 'a plain report is read wherever it stands, and not where it is text',
    plays: [plain(`{"usage":${JSON.stringify(reported)},${completion(textLikeReport).slice(1)}`)],
    expect: { status: 200, usage: right },
  },
  {
    name: 'a limit pays for reasoning that came on top of completion_tokens, and leaves no hold',
    key: 'covers one call',
    plays: [
      plain(
        completion('Hi', {
          prompt_tokens: 32,
          completion_tokens: 9,
          total_tokens: 135,
          completion_tokens_details: { reasoning_tokens: 94 },
        }),
      ),
    ],
    expect: { status: 200, usage: { input: 32, output: 103 } },
  },
];

/** A report that no call of its kind can have used is cut, for keys without a limit as for others. */
const implausible: readonly Quirk[] = [
  ...(
    [
      ['output', {}, { input: 100, output: 10 * outputTokensMax }, tokens(100, 1e9)],
      ['output of two choices', { n: 2 }, { input: 100, output: 20 * outputTokensMax }, tokens(100, 1e9)],
      [
        'output beyond the ceiling that was named',
        { max_tokens: 60 },
        { input: 100, output: 10 * outputTokensMax, atHold: true },
        tokens(100, 1e9),
      ],
      ['input', {}, { input: 16_384, output: 50 }, tokens(1e9, 50)],
      [
        'input for an image',
        { messages: [{ role: 'user', content: [image] }] },
        { input: 2_000_000, output: 50 },
        tokens(1e9, 50),
      ],
    ] satisfies [string, object, Tokens, object][]
  ).flatMap(([what, fields, usage, told]): Quirk[] => [
    {
      name: `a report of ${what} that nobody can have used is cut, and the rest is nobody's debt`,
      request: { fields },
      plays: [plain(completion(wordsText, told))],
      expect: { status: 200, usage, logged: true },
    },
    {
      name: `a stream's report of ${what} that nobody can have used is cut, and the rest is nobody's debt`,
      request: { fields, stream: true },
      plays: [sse(events([role, ...words, stop, usageChunk(told), '[DONE]']))],
      expect: { status: 200, ends: '[DONE]', usage, logged: true },
    },
  ]),
  {
    name: 'a report that nobody can have used is charged to a key with a limit up to its hold, and leaves no hold',
    key: 'covers one call',
    plays: [plain(completion(wordsText, tokens(100, 1e9)))],
    expect: { status: 200, usage: { input: 100, output: 10 * outputTokensMax, atHold: true }, logged: true },
  },
];

/** Usage is judged, not believed. */
export const usageReportQuirks: readonly Quirk[] = [...shapes, ...places, ...implausible];
