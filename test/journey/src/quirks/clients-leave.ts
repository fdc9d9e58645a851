import { gzipSync } from 'node:zlib';
import {
  answer,
  completion,
  events,
  openSse,
  part,
  plain,
  reported,
  role,
  sse,
  words,
  wordsText,
} from '../kit/scripted-provider/index.js';
import type { Quirk } from './quirk.js';

const reply = plain(completion(wordsText, reported));
const oneAtATime = { rate_limits: { parallel_requests: 1 } };
/** Input is counted for the call that was left, and reported for the one that was served. */
const leftAndServed = { input: [101, 210], output: 50 } as const;

/** What a provider has sent when a client leaves that has no data yet. */
const beginnings = [
  ['a plain call that has no answer', false, ['hang']],
  [
    'a plain call in the midst of its answer',
    false,
    [Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"id":'), 'hang'],
  ],
  [
    'a plain call in the midst of its compressed answer',
    false,
    [
      Buffer.concat([
        Buffer.from(
          'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 1000\r\n\r\n',
        ),
        gzipSync(completion(wordsText, reported)).subarray(0, 40),
      ]),
      'hang',
    ],
  ],
  ['a stream that has no head', true, ['hang']],
  ['a stream that has a head alone', true, [...openSse([]), 'hang']],
  ['a stream that has comments alone', true, [...openSse([Buffer.from(': waiting\n\n')]), 'hang']],
] as const;

const places: readonly Quirk[] = beginnings.flatMap(([what, stream, script]): Quirk[] => [
  {
    name: `whoever leaves ${what} gives its place back at once, and the provider is heard for a while`,
    key: oneAtATime,
    request: { stream },
    leaves: 'once asked',
    asksAgain: 'before the provider is hung up on',
    plays: [script, stream ? sse(events(answer)) : reply],
    expect: { status: 200, content: wordsText, hangsUp: true, usage: leftAndServed },
  },
  {
    name: `whoever leaves ${what} and asks again is served from the same hold`,
    key: 'covers one call',
    request: { stream },
    leaves: 'once asked',
    asksAgain: 'and is served',
    plays: [script, stream ? sse(events(answer)) : reply],
    expect: { status: 200, content: wordsText, hangsUp: true, usage: leftAndServed },
  },
  {
    name: `whoever leaves ${what} for good has the provider hung up on, and pays for the input`,
    key: 'covers one call',
    request: { stream },
    leaves: 'once asked',
    plays: [script],
    expect: { status: 200, hangsUp: true, usage: { input: [1, 110], output: 0 } },
  },
]);

const heard: readonly Quirk[] = [
  {
    name: 'whoever leaves while a second target is asked has that one hung up on',
    targets: 2,
    leaves: { asked: 2 },
    plays: [plain('{"error":{}}', { status: '500 Oh' }), ['hang']],
    expect: { status: 502, asked: 2, hangsUp: true, usage: { input: [1, 110], output: 0 } },
  },
  {
    name: 'whoever leaves a plain call pays what the provider still reports',
    key: 'covers one call',
    leaves: 'once asked',
    plays: [['await-left', ...reply]],
    expect: { status: 200, usage: { input: 100, output: 50 } },
  },
  {
    name: 'whoever leaves a plain call pays nothing where the provider fails',
    key: 'covers one call',
    leaves: 'once asked',
    plays: [['await-left', ...plain('{"error":{}}', { status: '500 Oh' })]],
    expect: { status: 502, usage: 'nothing' },
  },
  {
    name: 'whoever leaves is not asked for at the next target',
    targets: 2,
    leaves: 'once asked',
    plays: [['await-left', 2_000, ...plain('{"error":{}}', { status: '500 Oh' })], reply],
    expect: { status: 502, asked: 1, usage: 'nothing' },
  },
  {
    name: 'whoever leaves a stream before its first data pays what the provider still reports',
    key: 'covers one call',
    request: { stream: true },
    leaves: 'once asked',
    plays: [[...openSse([]), 'await-left', ...events(answer).map(part), part('')]],
    expect: { status: 200, usage: { input: 100, output: 50 } },
  },
  {
    name: 'whoever leaves after all content, and before the report, pays what is reported',
    key: 'covers one call',
    request: { stream: true },
    leaves: { having: 'word19' },
    plays: [[...openSse(events(answer.slice(0, 21))), 'await-left', ...events(answer.slice(21)).map(part), part('')]],
    expect: { status: 200, usage: { input: 100, output: 50 } },
  },
  {
    name: 'whoever leaves a stream that never ends has the provider hung up on, and pays what was delivered',
    key: 'covers one call',
    request: { stream: true },
    leaves: { having: 'word19' },
    plays: [[...openSse(events([role, ...words])), 'hang']],
    expect: { status: 200, hangsUp: true, usage: { input: [1, 110], output: [20, 70] } },
  },
];

/** Who leaves is gone. */
export const clientsLeaveQuirks: readonly Quirk[] = [...places, ...heard];
