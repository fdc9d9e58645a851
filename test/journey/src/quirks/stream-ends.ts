import { constants, gzipSync } from 'node:zlib';
import {
  answer,
  chunk,
  events,
  lastPart,
  liveEvents,
  openSse,
  part,
  role,
  sse,
  streamHead,
  usageChunk,
  words,
  wordsText,
  type Step,
} from '../kit/scripted-provider/index.js';
import type { Expected, Quirk } from './quirk.js';

const whole: Expected = { status: 200, content: wordsText, ends: '[DONE]', usage: { input: 100, output: 50 } };
const stream = { stream: true } as const;

/** All of it as gzip that is not ended. */
function gzipOpen(data: readonly (object | string)[]): Buffer {
  return gzipSync(Buffer.concat(events(data)), { finishFlush: constants.Z_SYNC_FLUSH });
}

/** `[DONE]` is the end. */
const done: readonly Quirk[] = [
  {
    name: 'a compressed stream ends at [DONE] too, while its coding and its connection stay open',
    request: stream,
    plays: [[...openSse([gzipOpen(answer)], { headers: { 'content-encoding': 'gzip' } }), 'hang']],
    expect: { ...whole, hangsUp: true },
  },
  {
    name: '[DONE] ends the reply while the provider keeps its connection open, and the provider is hung up on',
    key: 'covers one call',
    request: stream,
    plays: [[...openSse(events(answer)), 'hang']],
    expect: { ...whole, hangsUp: true },
  },
  {
    name: '[DONE] ends the reply while the provider goes on with comments, and the provider is hung up on',
    request: stream,
    plays: [
      [...openSse(events(answer)), ...Array.from({ length: 600 }, (): Step[] => [100, part(': ping\n\n')]).flat()],
    ],
    expect: { ...whole, hangsUp: true },
  },
  {
    name: 'nothing that comes after [DONE] reaches the client, or costs anything',
    request: stream,
    plays: [
      sse(
        events([
          ...answer,
          chunk({ content: 'after '.repeat(500) }),
          usageChunk({ prompt_tokens: 9_000, completion_tokens: 900, total_tokens: 9_900 }),
          { error: { message: 'late' } },
          '[DONE]',
        ]),
      ),
    ],
    expect: { ...whole, lacks: 'after' },
  },
  {
    name: 'nothing that comes after [DONE] in the same write reaches the client',
    request: stream,
    plays: [[streamHead(), part(Buffer.concat(events([...answer, chunk({ content: 'after ' })]))), lastPart]],
    expect: { ...whole, lacks: 'after' },
  },
  {
    name: 'a client that left after [DONE] leaves no connection to the provider behind',
    request: stream,
    leaves: { having: '[DONE]' },
    plays: [[...openSse(events(answer)), 'hang']],
    expect: { ...whole, hangsUp: true },
  },
  {
    name: 'the SDK, which leaves at [DONE], is charged what was reported',
    via: 'sdk',
    request: stream,
    calls: { inARow: 5 },
    plays: [sse(events(answer))],
    expect: { status: 200, content: wordsText, usage: { input: 500, output: 250 } },
  },
];

const interrupted = ['provider_interrupted', 'provider_failed'];

/** Streams that end without an end. */
const ended: readonly Quirk[] = [
  ...['', '\n'].map((lineEnd): Quirk => ({
    name: `a stream whose [DONE] has no blank line after it, ${lineEnd === '' ? 'nor' : 'but'} a line end, is whole`,
    request: stream,
    plays: [sse([...events(answer.slice(0, -1)), Buffer.from(`data: [DONE]${lineEnd}`)])],
    expect: { status: 200, content: wordsText, lacks: '"error"', usage: { input: 100, output: 50 } },
  })),
  {
    name: 'a stream that ends with its finish_reason, and without [DONE], is whole',
    request: stream,
    plays: [sse(events(answer.slice(0, -1)))],
    expect: { status: 200, content: wordsText, lacks: '"error"', usage: { input: 100, output: 50 } },
  },
  {
    name: 'a stream that ends in the midst of its text tells the client so, and is counted',
    key: 'covers one call',
    request: stream,
    plays: [sse(events([role, ...words]))],
    expect: {
      status: 200,
      content: wordsText,
      ends: interrupted,
      usage: { input: [1, 110], output: [20, 70] },
      logged: true,
    },
  },
  {
    name: 'a stream that ends in the midst of an event tells the client so',
    request: stream,
    plays: [sse([...events([role, ...words]), Buffer.from('data: {"id":"c","choices":[{"index":0,"del')])],
    expect: { status: 200, content: wordsText, ends: interrupted, usage: { input: [1, 110], output: [20, 70] } },
  },
  {
    name: 'a stream that ends in the midst of a tool call tells the client so',
    request: stream,
    plays: [
      sse(
        events([
          role,
          chunk({
            tool_calls: [{ index: 0, id: 't', type: 'function', function: { name: 'f', arguments: '{"city":"Pa' } }],
          }),
        ]),
      ),
    ],
    expect: { status: 200, holds: '{\\"city\\":\\"Pa', ends: interrupted, usage: { input: [1, 110], output: [2, 20] } },
  },
  {
    name: 'a stream that ends without an end is an error for the SDK',
    via: 'sdk',
    request: stream,
    plays: [sse(events([role, ...words]))],
    expect: { status: 200, sdkThrows: '', usage: { input: [1, 110], output: [20, 70] } },
  },
  {
    name: 'a stream that is cut tells the client so, and is counted',
    key: 'covers one call',
    request: stream,
    plays: [[...openSse(liveEvents([role, ...words])), 5, 'reset']],
    expect: {
      status: 200,
      content: wordsText,
      ends: interrupted,
      usage: { input: [1, 110], output: [20, 70] },
      logged: true,
    },
  },
  {
    name: 'an error event stands alone, where a stream is cut in the midst of an event',
    request: stream,
    plays: [[...openSse([...liveEvents([role, ...words]), Buffer.from('data: {"id":"c","choi')]), 5, 'reset']],
    expect: { status: 200, content: wordsText, ends: interrupted, usage: { input: [1, 110], output: [20, 70] } },
  },
  {
    name: 'a report that was early is no final one, where a stream breaks off',
    request: stream,
    plays: [
      [
        ...openSse(
          liveEvents([
            chunk({ role: 'assistant' }, null, {
              usage: { prompt_tokens: 100, completion_tokens: 1, total_tokens: 101 },
            }),
            ...words,
            ...words,
            ...words,
            ...words,
            ...words,
          ]),
        ),
        5,
        'reset',
      ],
    ],
    expect: { status: 200, ends: interrupted, usage: { input: 100, output: [100, 350] } },
  },
  {
    name: 'a report that is larger than the count stands, where a stream breaks off',
    request: stream,
    plays: [
      [
        ...openSse(
          liveEvents([
            role,
            ...words.map((each) => ({
              ...each,
              usage: { prompt_tokens: 100, completion_tokens: 90, total_tokens: 190 },
            })),
          ]),
        ),
        5,
        'reset',
      ],
    ],
    expect: { status: 200, ends: interrupted, usage: { input: 100, output: 90 } },
  },
];

/** How streams end, and what is left of their connections. */
export const streamEndQuirks: readonly Quirk[] = [...done, ...ended];
