import {
  answer,
  byteByByte,
  chunk,
  event,
  events,
  liveEvents,
  reported,
  role,
  sse,
  stop,
  usageChunk,
  words,
  wordsText,
  type Step,
} from '../kit/scripted-provider/index.js';
import type { Expected, Quirk } from './quirk.js';

const whole: Expected = { status: 200, content: wordsText, ends: '[DONE]', usage: { input: 100, output: 50 } };
const stream = { stream: true } as const;

/** How a stream may be written, and is to be read as it comes. */
const spellings: readonly (readonly [what: string, steps: readonly Step[]])[] = [
  ...[
    ['LF', '\n'],
    ['CR', '\r'],
    ['CR LF', '\r\n'],
  ].map(([name, newline]) => [`lines that end in ${name}`, liveEvents(answer, { newline: newline! })] as const),
  ['lines that end in CR LF, after a BOM', [Buffer.from('\uFEFF'), ...liveEvents(answer, { newline: '\r\n' })]],
  [
    'lines that end in one way and the other',
    answer.flatMap((data, index) =>
      ends(Buffer.from(textOf(data)), ['\n\n', '\r\r', '\r\n\r\n', '\n\r\n', '\r\r\n', '\n\r'][index % 6]!),
    ),
  ],
  [
    'no space after the colon',
    answer.map((data) => Buffer.from(`data:${JSON.stringify(data).replace(/^"(.*)"$/, '$1')}\n\n`)),
  ],
  [
    'other fields around the data',
    answer.map((data, index) => Buffer.from(`event: message\nid: ${index}\n${textOf(data)}\nretry: 10\n\n`)),
  ],
  [
    'a comment before each event, glued to it',
    answer.map((data) => Buffer.from(`: OPENROUTER PROCESSING\n${textOf(data)}\n\n`)),
  ],
  [
    'comments between the events',
    answer.flatMap((data) => [Buffer.from(': ping - 2026-11-25 06:52:12.876102\n\n:\n\n'), event(data)]),
  ],
  [
    'JSON over several data lines',
    answer.map((data) =>
      Buffer.from(`${(typeof data === 'string' ? data : JSON.stringify(data, null, 1)).replace(/^/gm, 'data: ')}\n\n`),
    ),
  ],
  ['a BOM', [Buffer.from('\uFEFF'), ...events(answer)]],
  ['a BOM in three parts', [...byteByByte(Buffer.from('\uFEFF')), ...events(answer)]],
  ['blank lines without an event', answer.flatMap((data) => [Buffer.from('\n\n\n'), event(data)])],
  ['an end that is written with spaces', [...events(answer.slice(0, -1)), Buffer.from('data:  [DONE] \n\n')]],
  ['all in one write', [Buffer.concat(events(answer))]],
];

function textOf(data: object | string): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}`;
}

function ends(line: Buffer, end: string): Step[] {
  return [Buffer.concat([line, Buffer.from(end)])];
}

/** Characters that end lines in JavaScript or Unicode, and none in an event stream. */
const noLineEnds = 'a\u2028b\u2029c\u0085d\u000be\u000cf\u0000g';

const cut = (what: string, newline: string): Quirk => ({
  name: `a stream with lines that end in ${what} is read the same when each byte comes alone`,
  request: stream,
  plays: [
    sse(
      byteByByte(
        Buffer.concat(
          events(
            [role, chunk({ content: 'größer 😀 你好 ' }), ...words.slice(0, 2), stop, usageChunk(), '[DONE]'],
            newline,
          ),
        ),
      ),
    ),
  ],
  expect: { ...whole, content: 'größer 😀 你好 word0 word1 ' },
});

/** Reports in a chunk that nobody would see, had we not asked for it. */
const reports: readonly (readonly [what: string, chunk: object])[] = [
  ['no choices field', { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', usage: reported }],
  ['choices of null', { ...usageChunk(), choices: null }],
  ['empty choices', usageChunk()],
  ['empty choices and fields of its own', usageChunk(reported, { x_own: { queue: 1 }, system_fingerprint: 'f' })],
  ['empty choices after the usage', { usage: reported, choices: [], id: 'c', object: 'chat.completion.chunk' }],
];

const unreadable: readonly (readonly [what: string, usage: unknown])[] = [
  ['numbers as texts', { prompt_tokens: 'a', completion_tokens: 'b' }],
  ['completion_tokens of null', { prompt_tokens: 100, completion_tokens: null }],
  ['no completion_tokens', { prompt_tokens: 100 }],
  ['an empty object', {}],
  ['a list', []],
];

const shown: readonly Quirk[] = [
  ...reports.map(([what, chunkWithUsage]): Quirk => ({
    name: `a report in a chunk with ${what} is read, and not shown to who did not ask`,
    request: stream,
    plays: [sse(events([role, ...words, stop, chunkWithUsage, '[DONE]']))],
    expect: { ...whole, data: [...[role, ...words, stop].map((each) => JSON.stringify(each)), '[DONE]'] },
  })),
  ...reports.map(([what, chunkWithUsage]): Quirk => ({
    name: `a report in a chunk with ${what} breaks no loop of the SDK`,
    via: 'sdk',
    request: stream,
    plays: [sse(events([role, ...words, stop, chunkWithUsage, '[DONE]']))],
    expect: { status: 200, content: wordsText, usage: { input: 100, output: 50 } },
  })),
  ...unreadable.map(([what, usage]): Quirk => ({
    name: `a report of ${what} is counted instead, and not shown to who did not ask`,
    request: stream,
    plays: [sse(events([role, ...words, stop, usageChunk(usage), '[DONE]']))],
    expect: { ...whole, lacks: '"choices":[]', usage: { input: [1, 110], output: [20, 70] } },
  })),
  ...[true, false, undefined].map((asks): Quirk => ({
    name: [
      `usage is ${asks === true ? '' : 'not '}shown where include_usage is ${String(asks ?? 'absent')},`,
      'and always asked for; other stream_options are kept',
    ].join(' '),
    request: {
      stream: true,
      fields: { stream_options: { ...(asks !== undefined && { include_usage: asks }), other: [1] } },
    },
    plays: [sse(events(answer))],
    expect: {
      ...whole,
      ...(asks === true ? { holds: '"prompt_tokens":100' } : { lacks: '"prompt_tokens"' }),
      sent: { stream_options: { include_usage: true, other: [1] } },
    },
  })),
  {
    name: 'a chunk that has a choice keeps its usage, which is read',
    request: stream,
    plays: [sse(events([role, ...words, chunk({}, 'stop', { usage: reported }), '[DONE]']))],
    expect: { ...whole, holds: '"prompt_tokens":100' },
  },
  {
    name: 'a first chunk without a choice or usage is passed on with what stands in it',
    request: stream,
    plays: [
      sse(
        events([
          {
            id: '',
            object: '',
            created: 0,
            model: '',
            choices: [],
            prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
          },
          ...answer,
        ]),
      ),
    ],
    expect: { ...whole, holds: 'prompt_filter_results' },
  },
  {
    name: 'a chunk without a choice, whose usage is null, is no report, and is passed on',
    request: stream,
    plays: [sse(events([usageChunk(null, { prompt_filter_results: [{ prompt_index: 0 }] }), ...answer]))],
    expect: { ...whole, holds: 'prompt_filter_results' },
  },
];

/** The standard for event streams, and what the client may rely on in each. */
export const eventStreamQuirks: readonly Quirk[] = [
  {
    name: 'characters that end no line of an event stream pass as they are',
    request: stream,
    plays: [sse(events([role, chunk({ content: noLineEnds }), stop, usageChunk(), '[DONE]']))],
    expect: { ...whole, content: noLineEnds },
  },
  {
    name: 'characters that end no line of an event stream pass as they are, unescaped and byte by byte',
    request: stream,
    plays: [
      sse(byteByByte(Buffer.concat(events([role, chunk({ content: noLineEnds.slice(0, 7) }), ...answer.slice(-3)])))),
    ],
    expect: { ...whole, content: noLineEnds.slice(0, 7) },
  },
  ...spellings.map(([what, steps]): Quirk => ({
    name: `a stream with ${what} is read and passed on`,
    request: stream,
    plays: [sse(steps)],
    expect: whole,
  })),
  cut('LF', '\n'),
  cut('CR LF', '\r\n'),
  cut('CR', '\r'),
  ...shown,
];
