import {
  answer,
  chunk,
  completion,
  event,
  events,
  head,
  lastPart,
  liveEvents,
  openSse,
  part,
  plain,
  reported,
  role,
  sse,
  stop,
  streamHead,
  words,
  wordsText,
  type Script,
  type Step,
} from '../kit/scripted-provider/index.js';
import type { Expected, Quirk } from './quirk.js';

const wholeText = completion(wordsText, reported);
const reply = plain(wholeText);
const stream = sse(events(answer));
/** Long enough for the next target to answer, on a busy machine too. */
const hurried = { first_byte_timeout_ms: 4_000, timeout_ms: 10_000 };
const fine: Expected = { status: 200, content: wordsText, usage: { input: 100, output: 50 } };
const late: Expected = { status: 504, code: 'provider_timeout', usage: 'nothing' };
const comments = (times: number): Step[] =>
  Array.from({ length: times }, (): Step[] => [100, part(': waiting\n\n')]).flat();
const fiveWords = [role, ...words.slice(0, 5)];

/** A provider that says something, and no data. */
const silences: readonly (readonly [what: string, script: Script])[] = [
  ['nothing', ['hang']],
  ['a head', [streamHead(), 'hang']],
  ['a head and comments', [streamHead(), ...comments(300)]],
  ['half an event', [streamHead(), part('data: {"id":"c","choi'), 'hang']],
  ['half a head', [Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/eve'), 'hang']],
  ['an event without data', [streamHead(), part('event: ping\n\nid: 1\n\n'), 'hang']],
];

const firstData: readonly Quirk[] = [
  ...silences.flatMap(([what, script]): Quirk[] => [
    {
      name: `a stream of which ${what} came in time makes the next target answer`,
      targets: 2,
      settings: hurried,
      request: { stream: true },
      plays: [script, stream],
      expect: { ...fine, ends: '[DONE]', asked: 2 },
    },
    {
      name: `a stream of which ${what} came in time is a time-out, and costs nothing`,
      settings: hurried,
      key: 'covers one call',
      request: { stream: true },
      plays: [script],
      expect: { ...late, logged: true },
    },
  ]),
  {
    name: 'a stream whose first data came in time may pause for longer than that',
    settings: { ...hurried, timeout_ms: 60_000 },
    request: { stream: true },
    plays: [[...openSse(liveEvents(fiveWords)), 6_000, ...events(answer.slice(6)).map(part), lastPart]],
    expect: { ...fine, ends: '[DONE]' },
  },
  {
    name: 'a plain call may take longer than the time for first data',
    settings: { ...hurried, timeout_ms: 60_000 },
    plays: [[6_000, ...reply]],
    expect: fine,
  },
  ...(['hang', 'head'] as const).map((what): Quirk => ({
    name: `a plain call without ${what === 'hang' ? 'an' : 'a whole'} answer is a time-out, and costs nothing`,
    settings: hurried,
    key: 'covers one call',
    plays: [what === 'hang' ? ['hang'] : [head({ headers: { 'content-length': '100' } }), Buffer.from('{'), 'hang']],
    expect: late,
  })),
  {
    name: 'a stream that falls silent in its midst ends with a time-out, and is counted',
    settings: hurried,
    key: 'covers one call',
    request: { stream: true },
    plays: [[...openSse(liveEvents(fiveWords)), 'hang']],
    expect: {
      status: 200,
      content: 'word0 word1 word2 word3 word4 ',
      ends: ['provider_timeout'],
      usage: { input: [1, 110], output: [5, 20] },
    },
  },
  {
    name: 'a stream that goes on with comments alone ends with a time-out, and is counted',
    settings: hurried,
    request: { stream: true },
    plays: [[...openSse(liveEvents(fiveWords)), ...comments(300)]],
    expect: {
      status: 200,
      content: 'word0 word1 word2 word3 word4 ',
      ends: ['provider_timeout'],
      usage: { input: [1, 110], output: [5, 20] },
    },
  },
];

/** Connections that end while they rest. */
const reused: readonly Quirk[] = [
  ...(['reset', 'close'] as const).flatMap((ending): Quirk[] => [
    {
      name: `a call on a resting connection that ends by ${ending} is made again on a fresh one`,
      calls: { inARow: 2 },
      plays: [reply, [ending], reply],
      expect: { ...fine, asked: 3, usage: { input: 200, output: 100 } },
    },
    {
      name: `a stream on a resting connection that ends by ${ending} is made again on a fresh one`,
      request: { stream: true },
      calls: { inARow: 2 },
      plays: [stream, [ending], stream],
      expect: { ...fine, ends: '[DONE]', asked: 3, usage: { input: 200, output: 100 } },
    },
    {
      name: `a call on a fresh connection that ends by ${ending} is not made again there, and costs nothing`,
      key: 'covers one call',
      plays: [[ending]],
      expect: { status: 502, code: 'provider_failed', asked: 1, usage: 'nothing', logged: true },
    },
    {
      name: `a call whose second connection ends by ${ending} as well is a failure`,
      calls: { inARow: 2 },
      plays: [reply, [ending], [ending]],
      expect: { status: [200, 502], asked: 3, usage: { input: 100, output: 50 } },
    },
    {
      name: `an answer that began on a resting connection and ends by ${ending} is not asked for again`,
      calls: { inARow: 2 },
      plays: [reply, [head({ headers: { 'content-length': '100' } }), 5, ending], reply],
      expect: { status: [200, 502], asked: 2, usage: { input: 100, output: 50 } },
    },
  ]),
  {
    name: 'a provider that closes after each answer is no trouble',
    calls: { inARow: 4 },
    plays: [plain(completion(wordsText, reported), { headers: { connection: 'close' } }).concat('close')],
    expect: { ...fine, usage: { input: 400, output: 200 } },
  },
];

const retryAfter = (status: string, headers: Record<string, string>, expected: Expected): Quirk => ({
  name: `${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join(' and ')} of a ${status} reaches the client`,
  plays: [plain('{"error":{"message":"overloaded"}}', { status, headers })],
  expect: { ...expected, headers },
});

const waits: readonly Quirk[] = [
  {
    name: 'retry-after of an error of code 429 on a 200 reaches the client',
    plays: [plain('{"error":{"message":"x","code":429}}', { headers: { 'retry-after': '30' } })],
    expect: { status: 429, headers: { 'retry-after': '30' }, usage: 'nothing' },
  },
  {
    name: 'retry-after of a stream whose first event is an error of code 429 reaches the client',
    request: { stream: true },
    plays: [sse(events([{ error: { message: 'x', code: 429 } }]), { headers: { 'retry-after': '30' } })],
    expect: { status: 429, headers: { 'retry-after': '30' }, usage: 'nothing' },
  },
  {
    name: 'of two targets that are overloaded the last one says how long to wait',
    targets: 2,
    plays: [
      plain('{"error":{}}', { status: '503 Away', headers: { 'retry-after': '30' } }),
      plain('{"error":{}}', { status: '429 Busy', headers: { 'retry-after': '7' } }),
    ],
    expect: { status: 429, headers: { 'retry-after': '7' }, asked: 2, usage: 'nothing' },
  },
  ...[
    { 'retry-after': '30' },
    { 'retry-after': 'Wed, 25 Nov 2026 10:00:00 GMT' },
    { 'retry-after-ms': '1500' },
    { 'retry-after': '2', 'retry-after-ms': '1500' },
  ].flatMap((headers) => [
    retryAfter('429 Too Many Requests', headers as Record<string, string>, {
      status: 429,
      code: 'provider_overloaded',
      usage: 'nothing',
    }),
    retryAfter('503 Service Unavailable', headers as Record<string, string>, {
      status: 503,
      code: 'server_is_overloaded',
      usage: 'nothing',
    }),
    retryAfter('529 Overloaded', headers as Record<string, string>, {
      status: 503,
      code: 'server_is_overloaded',
      usage: 'nothing',
    }),
  ]),
];

/** What is no HTTP, or breaks off in the midst of it. */
const noise: readonly (readonly [what: string, script: Script])[] = [
  ['a greeting of another protocol', [Buffer.from('220 mail.example.com ESMTP\r\n'), 'close']],
  [
    'headers without an end',
    [Buffer.from('HTTP/1.1 200 OK\r\n'), Buffer.from(`x-noise: ${'x'.repeat(400_000)}\r\n`), 'close'],
  ],
  [
    'fewer bytes than were announced',
    [head({ headers: { 'content-length': '5000' } }), Buffer.from(wholeText), 'close'],
  ],
  [
    'two lengths',
    [Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n${wholeText}`), 'close'],
  ],
  ['a chunk whose size is no number', [streamHead(), Buffer.from('zz\r\ndata: x\r\n'), 'close']],
  [
    'another protocol that nobody asked for',
    [Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'), 'close'],
  ],
];

/** What comes before an answer, and how answers may be framed. */
const framings: readonly Quirk[] = [
  ...noise.flatMap(([what, script]): Quirk[] =>
    [false, true].flatMap((asksForStream): Quirk[] => [
      {
        name: `${what} ${asksForStream ? 'for a stream ' : ''}is a failure, and costs nothing`,
        key: 'covers one call',
        request: { stream: asksForStream },
        plays: [script],
        expect: { status: 502, code: 'provider_failed', usage: 'nothing', logged: true },
      },
      {
        name: `${what} ${asksForStream ? 'for a stream ' : ''}makes the next target answer`,
        targets: 2,
        request: { stream: asksForStream },
        plays: [script, asksForStream ? stream : reply],
        expect: { ...fine, asked: 2 },
      },
    ]),
  ),
  {
    name: 'a chunk whose size is no number, in the midst of a stream, ends it with an error',
    request: { stream: true },
    plays: [[...openSse(liveEvents(fiveWords)), Buffer.from('zz\r\n'), 'hang']],
    expect: {
      status: 200,
      ends: ['provider_failed', 'provider_interrupted'],
      usage: { input: [1, 110], output: [5, 20] },
    },
  },
  ...['100 Continue', '102 Processing', '103 Early Hints'].flatMap((status): Quirk[] => [
    {
      name: `${status} that nobody expected is passed over`,
      plays: [[Buffer.from(`HTTP/1.1 ${status}\r\n\r\n`), 0, ...reply]],
      expect: fine,
    },
    {
      name: `${status} in one write with the answer is passed over`,
      plays: [[Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n\r\n`), reply[0] as Buffer])]],
      expect: fine,
    },
    {
      name: `${status} before a stream is passed over`,
      request: { stream: true },
      plays: [[Buffer.from(`HTTP/1.1 ${status}\r\n\r\n`), 0, ...sse(liveEvents(answer))]],
      expect: { ...fine, ends: '[DONE]' },
    },
  ]),
  {
    name: 'several 1xx before an answer are passed over',
    calls: { inARow: 2 },
    plays: [
      [
        Buffer.from(
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n',
        ),
        0,
        ...reply,
      ],
    ],
    expect: { ...fine, usage: { input: 200, output: 100 } },
  },
  {
    name: 'an answer of HTTP/1.0 that the end of the connection ends is whole',
    plays: [
      [
        Buffer.from(`HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n${completion(wordsText, reported)}`),
        'close',
      ],
    ],
    expect: fine,
  },
  {
    name: 'a stream of HTTP/1.0 that the end of the connection ends is whole',
    request: { stream: true },
    plays: [
      [Buffer.from('HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n'), ...liveEvents(answer), 'close'],
    ],
    expect: { ...fine, ends: '[DONE]' },
  },
  {
    name: 'a stream with trailers and chunk extensions is whole',
    request: { stream: true },
    plays: [
      [
        streamHead(),
        ...events(answer).map((bytes) =>
          Buffer.concat([Buffer.from(`${bytes.length.toString(16)};x=1\r\n`), bytes, Buffer.from('\r\n')]),
        ),
        Buffer.from('0\r\nx-trailer: 1\r\n\r\n'),
      ],
    ],
    expect: { ...fine, ends: '[DONE]' },
  },
  {
    name: 'an answer with two media types is read',
    plays: [
      [
        Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-type: text/plain\r\n'),
        Buffer.from(`Content-Length: ${wholeText.length}\r\n\r\n${wholeText}`),
      ],
    ],
    expect: fine,
  },
  {
    name: 'a stream passes a proxy in between without being held back',
    request: { stream: true },
    plays: [stream],
    expect: { ...fine, ends: '[DONE]', headers: { 'x-accel-buffering': 'no', 'cache-control': /no-cache/ } },
  },
  {
    name: 'an answer that comes byte by byte is whole',
    plays: [[...Buffer.from(reply[0] as Buffer)].flatMap((byte) => [0, Buffer.from([byte])])],
    expect: fine,
  },
  {
    name: 'what a provider sends after its whole answer spoils no later call',
    calls: { inARow: 2 },
    plays: [[Buffer.concat([reply[0] as Buffer, Buffer.from('junk')]), 0], reply],
    expect: { ...fine, usage: { input: 200, output: 100 } },
  },
  {
    name: 'an event of a megabyte passes',
    request: { stream: true },
    plays: [
      sse([
        ...events([role, chunk({ content: 'x'.repeat(1_000_000) }), stop]),
        event({ choices: [], usage: reported }),
        event('[DONE]'),
      ]),
    ],
    expect: { status: 200, content: 'x'.repeat(1_000_000), ends: '[DONE]', usage: { input: 100, output: 50 } },
  },
];

/** How long is waited for a provider, what is tried again, and what framing is understood. */
export const timeOutQuirks: readonly Quirk[] = [...firstData, ...reused, ...waits, ...framings];
