import {
  answer,
  chunk,
  completion,
  events,
  liveEvents,
  openSse,
  plain,
  reported,
  role,
  sse,
  wordsText,
  type Script,
} from '../kit/scripted-provider/index.js';
import type { Expected, Quirk } from './quirk.js';

const fine: Expected = { status: 200, content: wordsText, usage: { input: 100, output: 50 } };
const twice: Expected = { ...fine, usage: { input: 200, output: 100 } };
const reply = plain(completion(wordsText, reported));
const stream = sse(events(answer));

/** How providers say that they do not know a field. */
const refusals: readonly (readonly [whose: string, refusal: (field: string) => Script])[] = [
  [
    'Mistral',
    (field) =>
      plain(
        JSON.stringify({
          object: 'error',
          message: {
            detail: [
              { type: 'extra_forbidden', loc: ['body', field], msg: 'Extra inputs are not permitted', input: {} },
            ],
          },
          type: 'invalid_request_error',
          code: null,
        }),
        { status: '422 Unprocessable Entity' },
      ),
  ],
  [
    'a validator',
    (field) =>
      plain(JSON.stringify({ message: `${field}: extra inputs are not permitted` }), {
        status: '422 Unprocessable Entity',
      }),
  ],
  [
    'Azure of old',
    (field) =>
      plain(
        JSON.stringify({
          error: {
            message: `Unrecognized request argument supplied: ${field}`,
            type: 'invalid_request_error',
            param: null,
            code: null,
          },
        }),
        { status: '400 Bad Request' },
      ),
  ],
  [
    'OpenAI',
    (field) =>
      plain(
        JSON.stringify({
          error: {
            message: `Unsupported parameter: '${field}' is not supported with this model.`,
            type: 'invalid_request_error',
            param: field,
            code: 'unsupported_parameter',
          },
        }),
        { status: '400 Bad Request' },
      ),
  ],
  ['a 200', (field) => plain(JSON.stringify({ error: { message: `unknown field "${field}"`, code: 400 } }))],
];

/** The names that a ceiling goes by: the one that is tried first, and the other. */
const ceilings = [
  ['max_completion_tokens', 'max_tokens'],
  ['max_tokens', 'max_completion_tokens'],
] as const;

const learned: readonly Quirk[] = refusals.flatMap(([whose, refusal]): Quirk[] => [
  {
    name: `stream_options that are refused in the words of ${whose} are left out, once and for all`,
    request: { stream: true },
    calls: { inARow: 2 },
    plays: [refusal('stream_options'), stream],
    expect: { ...twice, asked: 3, sent: { stream_options: undefined, stream: true } },
  },
  ...ceilings.flatMap(([first, other]): Quirk[] => [
    {
      name: `${first} that is refused in the words of ${whose} goes by its other name, once and for all`,
      settings: { ceiling_field: first },
      key: { credit_limit_usd: 1 },
      calls: { inARow: 2 },
      plays: [refusal(first), reply],
      expect: { ...twice, asked: 3, sent: { [first]: undefined, [other]: 1_000 } },
    },
    {
      name: `${first} that is refused as its other name is, in the words of ${whose}, makes a call unbounded`,
      settings: { ceiling_field: first },
      key: 'covers one call',
      plays: [refusal(first), refusal(other)],
      expect: { status: 400, code: 'unbounded_cost', asked: 2, usage: 'nothing' },
    },
  ]),
  {
    name: `both fields that are refused in the words of ${whose} are left out of a stream`,
    settings: { ceiling_field: 'max_completion_tokens' },
    key: { credit_limit_usd: 1 },
    request: { stream: true },
    plays: [refusal('stream_options'), refusal('max_completion_tokens'), stream],
    expect: {
      ...fine,
      asked: 3,
      sent: { stream_options: undefined, max_completion_tokens: undefined, max_tokens: 1_000 },
    },
  },
]);

const [, validator] = refusals[1]!;

const theirs: readonly Quirk[] = [
  {
    name: "a refusal of stream_options that the caller's own value brought about teaches nothing",
    request: { stream: true, fields: { stream_options: { include_obfuscation: 'x' } } },
    calls: { inARow: 2 },
    plays: [validator('stream_options'), validator('stream_options'), stream],
    expect: {
      status: [422, 200],
      asked: 3,
      sent: { stream_options: { include_obfuscation: 'x', include_usage: true } },
      usage: { input: 100, output: 50 },
    },
  },
  {
    name: "a refusal of the caller's own field that names the ceiling teaches nothing",
    key: { credit_limit_usd: 1 },
    request: { fields: { logit_bias: { max_tokens: 1 } } },
    calls: { inARow: 2 },
    plays: [validator('max_tokens'), validator('max_tokens'), reply],
    expect: { status: [422, 200], asked: 3, sent: { max_tokens: 1_000 }, usage: { input: 100, output: 50 } },
  },
  {
    name: 'a ceiling that does not fit into the context is left out, where the words tell its number',
    key: { credit_limit_usd: 1 },
    plays: [
      plain(
        JSON.stringify({
          message:
            "Requested token count exceeds the model's maximum context length of 900 tokens. You requested a total of 1010 tokens: 10 tokens from the input messages and 1000 tokens for the completion.",
        }),
        { status: '400 Bad Request' },
      ),
      reply,
    ],
    expect: { ...fine, asked: 2, sent: { max_tokens: undefined, max_completion_tokens: undefined } },
  },
  {
    name: 'a stream goes without a ceiling that is refused under both names, where it is ended at its hold',
    settings: { end_at_hold: true },
    key: { credit_limit_usd: 1 },
    request: { stream: true },
    plays: [validator('max_tokens'), validator('max_completion_tokens'), stream],
    expect: { ...fine, asked: 3, sent: { max_tokens: undefined, max_completion_tokens: undefined } },
  },
  {
    name: "a refusal of a ceiling that the caller named itself is the caller's to see",
    key: { credit_limit_usd: 1 },
    request: { fields: { max_completion_tokens: 100 } },
    plays: [validator('max_completion_tokens')],
    expect: { status: 422, holds: 'max_completion_tokens: extra', asked: 1, usage: 'nothing' },
  },
  {
    name: "a refusal of stream_options that the caller named itself is the caller's to see",
    request: { stream: true, fields: { stream_options: { include_usage: true } } },
    plays: [validator('stream_options')],
    expect: { status: 422, holds: 'stream_options: extra', asked: 1, usage: 'nothing' },
  },
  {
    name: "a refusal of another field is the caller's to see, and is not repeated",
    key: { credit_limit_usd: 1 },
    request: { stream: true },
    plays: [validator('temperature')],
    expect: { status: 422, holds: 'temperature: extra', asked: 1, usage: 'nothing' },
  },
  {
    name: 'a key without a limit has no ceiling put into its calls',
    plays: [reply],
    expect: { ...fine, sent: { max_completion_tokens: undefined, max_tokens: undefined } },
  },
  {
    name: 'a ceiling of null counts as none: the bound of the model is put in',
    key: { credit_limit_usd: 1 },
    request: { fields: { max_tokens: null } },
    plays: [reply],
    expect: fine,
  },
  {
    name: 'a ceiling that the caller named goes by that name, and no other is put in beside it',
    key: { credit_limit_usd: 1 },
    request: { fields: { max_tokens: 50 } },
    plays: [reply],
    expect: { ...fine, sent: { max_tokens: 50, max_completion_tokens: undefined } },
  },
  {
    name: 'a plain call has no stream_options put into it',
    plays: [reply],
    expect: { ...fine, sent: { stream_options: undefined } },
  },
  ...[{ credit_limit_usd: 1 }, {}].flatMap((key) =>
    [-1, 0, '100', 1.5].map((ceiling): Quirk => ({
      name: `a ceiling of ${JSON.stringify(ceiling)} is refused by its name for a key of ${JSON.stringify(key)}`,
      key,
      request: { fields: { max_tokens: ceiling } },
      plays: [reply],
      expect: { status: 400, code: 'invalid_request', body: { error: { param: 'max_tokens' } }, usage: 'no event' },
    })),
  ),
];

const limited = { credit_limit_usd: 1 } as const;
/** A stream of about so many tokens twice, the second time when the client has the first; then it never ends. */
const twiceAsLong = (tokens: number): Script => {
  const content = 'one two three four five '.repeat(tokens / 5);
  return [
    ...openSse(liveEvents([role, chunk({ content: `${content}half ` }), chunk({ content })], { word: 'half' })),
    'hang',
  ];
};

const configured: readonly Quirk[] = [
  ...ceilings.map(([name, other]): Quirk => ({
    name: `a provider that is said to take ${name} gets the ceiling by that name`,
    settings: { ceiling_field: name },
    key: limited,
    plays: [reply],
    expect: { ...fine, sent: { [name]: 1_000, [other]: undefined } },
  })),
  ...['max_completion_tokens', 'max_tokens'].map((name): Quirk => ({
    name: `a provider that is said to take max_tokens reads the ceiling that a caller named ${name}`,
    settings: { ceiling_field: 'max_tokens' },
    key: limited,
    request: { fields: { [name]: 77 } },
    plays: [reply],
    expect: { ...fine, sent: { max_tokens: 77 } },
  })),
  {
    name: 'a provider that is said to take no stream_options gets none, and its own report is read',
    settings: { stream_options: false },
    request: { stream: true },
    plays: [stream],
    expect: { ...fine, sent: { stream_options: undefined } },
  },
  {
    name: 'a provider that is said to take no stream_options and reports nothing is counted',
    settings: { stream_options: false },
    request: { stream: true },
    plays: [sse(events([...answer.slice(0, -2), '[DONE]']))],
    expect: { ...fine, sent: { stream_options: undefined }, usage: { input: [1, 110], output: [20, 70] } },
  },
  {
    name: 'a provider that takes no ceiling is not called for a key with a limit',
    settings: { ceiling_field: 'none' },
    key: limited,
    plays: [reply],
    expect: { status: 400, code: 'unbounded_cost', usage: 'no event' },
  },
  {
    name: 'a provider that takes no ceiling serves a key without a limit',
    settings: { ceiling_field: 'none' },
    plays: [reply],
    expect: { ...fine, sent: { max_tokens: undefined, max_completion_tokens: undefined } },
  },
  {
    name: 'a provider that takes no ceiling has its streams ended where the hold is used up',
    settings: { ceiling_field: 'none', end_at_hold: true },
    key: 'covers one call',
    request: { stream: true },
    plays: [twiceAsLong(700)],
    expect: {
      status: 200,
      ends: ['quota_exceeded'],
      hangsUp: true,
      usage: { input: [1, 110], output: [1_000, 2_000], atHold: true },
      sent: { max_tokens: undefined, max_completion_tokens: undefined },
    },
  },
  {
    name: 'a provider that ignores the ceiling has its streams ended where the hold is used up',
    settings: { end_at_hold: true },
    key: 'covers one call',
    request: { stream: true, fields: { max_tokens: 100 } },
    plays: [twiceAsLong(70)],
    expect: {
      status: 200,
      ends: ['quota_exceeded'],
      hangsUp: true,
      usage: { input: [1, 110], output: [100, 250], atHold: true },
    },
  },
  {
    name: 'a provider that ignores the ceiling costs the customer no more than the hold',
    key: 'covers one call',
    request: { fields: { max_completion_tokens: 1 } },
    plays: [
      plain(completion('x '.repeat(4_000), { prompt_tokens: 100, completion_tokens: 4_000, total_tokens: 4_100 })),
    ],
    expect: { status: 200, usage: { input: 100, output: 4_000, atHold: true } },
  },
  {
    name: 'an end at the hold cuts no stream that stays below it',
    settings: { end_at_hold: true },
    key: 'covers one call',
    request: { stream: true },
    plays: [stream],
    expect: { ...fine, ends: '[DONE]' },
  },
];

/** What Tollgate puts into a call is Tollgate's to answer for. */
export const injectedFieldQuirks: readonly Quirk[] = [...learned, ...theirs, ...configured];
