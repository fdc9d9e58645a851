import { once } from 'node:events';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import {
  answer,
  byteByByte,
  completion,
  events,
  lastPart,
  liveEvents,
  part,
  plain,
  reported,
  role,
  sse,
  streamHead,
  words,
  wordsText,
  type Step,
} from '../kit/scripted-provider/index.js';
import type { Expected, Quirk } from './quirk.js';

type Compress = (bytes: Uint8Array | string) => Buffer;

/** Codings as a provider names them. */
const codings: readonly (readonly [label: string, compress: Compress])[] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['GZIP', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
  ['identity', (bytes) => Buffer.from(bytes)],
  ['deflate, gzip', (bytes) => gzipSync(deflateSync(bytes))],
];

/** What some servers call deflate: without the header that the standard asks for. */
const bareDeflate: readonly [string, Compress] = ['deflate', deflateRawSync];

const streamCompressors = {
  gzip: () => createGzip(),
  deflate: () => createDeflate(),
  br: () => createBrotliCompress(),
  zstd: () => createZstdCompress(),
} as const;

type StreamCoding = keyof typeof streamCompressors;

/** Events, compressed in one stream that is flushed after each: all but the bytes stay as they are. */
async function compressed(coding: StreamCoding, steps: readonly Step[]): Promise<Step[]> {
  const compressor = streamCompressors[coding]();
  const out: Step[] = [];
  let bytes: Buffer[] = [];
  compressor.on('data', (chunk: Buffer) => bytes.push(chunk));
  for (const step of steps) {
    if (step instanceof Uint8Array) {
      compressor.write(step);
      await new Promise<void>((resolve) => compressor.flush(flushOf(coding), () => resolve()));
      out.push(0, part(Buffer.concat(bytes)));
      bytes = [];
    } else {
      out.push(step);
    }
  }
  compressor.end();
  await once(compressor, 'end');
  const rest = Buffer.concat(bytes);
  return rest.length === 0 ? out : [...out, part(rest)];
}

function flushOf(coding: StreamCoding): number {
  if (coding === 'br') return constants.BROTLI_OPERATION_FLUSH;
  return coding === 'zstd' ? constants.ZSTD_e_flush : constants.Z_SYNC_FLUSH;
}

const labelled = (label: string) => ({ headers: { 'content-encoding': label } });
const whole = completion(wordsText, reported);
const fine: Expected = {
  status: 200,
  content: wordsText,
  headers: { 'content-encoding': null },
  usage: { input: 100, output: 50 },
};
const refusal =
  '{"error":{"message":"temperature too high","type":"invalid_request_error","param":"temperature","code":null}}';
const failed: Expected = { status: 502, code: 'provider_failed', usage: 'nothing', logged: true };

const replies: readonly Quirk[] = [...codings, bareDeflate].flatMap(([label, compress], index): Quirk[] => {
  const name = index === codings.length ? 'deflate without its header' : label;
  return [
    {
      name: `a completion that comes as ${name} is decoded and charged`,
      plays: [plain(compress(whole), labelled(label))],
      expect: fine,
    },
    {
      name: `an error that comes as ${name} can be read`,
      plays: [plain(compress(refusal), { status: '400 Bad Request', ...labelled(label) })],
      expect: {
        status: 400,
        headers: { 'content-encoding': null },
        body: { error: { message: 'temperature too high' } },
        usage: 'nothing',
      },
    },
    {
      name: `an error of code 429 that comes as ${name} on a 200 is one`,
      plays: [plain(compress('{"error":{"message":"x","code":429}}'), labelled(label))],
      expect: { status: 429, code: 'provider_overloaded', usage: 'nothing' },
    },
    {
      name: `a whole stream that comes as ${name} is decoded and charged`,
      request: { stream: true },
      plays: [sse([compress(Buffer.concat(events(answer)))], labelled(label))],
      expect: { ...fine, ends: '[DONE]' },
    },
  ];
});

const streams: readonly Quirk[] = await Promise.all(
  (Object.keys(streamCompressors) as StreamCoding[]).flatMap((coding): Promise<Quirk>[] => [
    streamOf(coding, `a stream that comes as ${coding} is passed on event by event`, [...liveEvents(answer)], {
      ...fine,
      ends: '[DONE]',
    }),
    streamOf(
      coding,
      `a stream without a label that comes as ${coding} is passed on event by event`,
      [...liveEvents(answer)],
      { ...fine, ends: '[DONE]' },
      '',
    ),
    streamOf(
      coding,
      `a stream that comes as ${coding} and breaks off says so, and is counted`,
      [...liveEvents([role, ...words]), 'reset'],
      {
        status: 200,
        content: wordsText,
        ends: ['provider_failed', 'provider_interrupted'],
        usage: { input: [1, 110], output: [20, 70] },
      },
    ),
  ]),
);

async function streamOf(
  coding: StreamCoding,
  name: string,
  steps: readonly Step[],
  expect: Expected,
  type = 'text/event-stream',
): Promise<Quirk> {
  return {
    name,
    request: { stream: true },
    plays: [[streamHead({ type, ...labelled(coding) }), ...(await compressed(coding, steps)), lastPart]],
    expect,
  };
}

/** What cannot be decoded is no answer. */
const undecodable: readonly Quirk[] = [
  ...codings.slice(0, 6).map(([label]): Quirk => ({
    name: `what is labelled ${label} and is not is a failure, and costs nothing`,
    key: 'covers one call',
    plays: [plain(whole, labelled(label))],
    expect: failed,
  })),
  {
    name: 'a completion whose gzip is cut is a failure, and costs nothing',
    plays: [plain(gzipSync(whole).subarray(0, -20), labelled('gzip'))],
    expect: failed,
  },
  {
    name: 'a completion in an unknown coding is a failure, and costs nothing',
    plays: [plain(gzipSync(whole), labelled('compress'))],
    expect: failed,
  },
  {
    name: 'a completion in an unknown coding makes the next target answer',
    targets: 2,
    plays: [plain(gzipSync(whole), labelled('compress')), plain(whole)],
    expect: { ...fine, asked: 2 },
  },
  {
    name: 'a small reply that would fill the memory is a failure, and costs nothing',
    plays: [plain(gzipSync(Buffer.alloc(80 * 1024 * 1024, ' ')), labelled('gzip'))],
    expect: failed,
  },
  {
    name: 'a stream that is labelled gzip and is not is a failure, and costs nothing',
    request: { stream: true },
    plays: [sse(events(answer), labelled('gzip'))],
    expect: failed,
  },
];

const others: readonly Quirk[] = [
  {
    name: 'a compressed stream that comes byte by byte is decoded',
    request: { stream: true },
    plays: [sse(byteByByte(gzipSync(Buffer.concat(events(answer)))), labelled('gzip'))],
    expect: { ...fine, ends: '[DONE]' },
  },
  {
    name: 'a compressed failure makes the next target answer',
    targets: 2,
    plays: [plain(gzipSync('{"error":{}}'), { status: '500 Oh', ...labelled('gzip') }), plain(whole)],
    expect: { ...fine, asked: 2 },
  },
  ...['', ' ', 'identity, identity', 'GZip , Identity'].map((label): Quirk => ({
    name: `a content coding of ${JSON.stringify(label)} is read as it is meant`,
    plays: [plain(label.includes('GZip') ? gzipSync(whole) : whole, labelled(label))],
    expect: fine,
  })),
  {
    name: 'a provider is asked for an answer that is not compressed',
    plays: [plain(whole)],
    expect: { ...fine, sentHeaders: { 'accept-encoding': 'identity' } },
  },
  {
    name: 'a provider is asked for a stream that is not compressed, whatever the client takes',
    request: { stream: true, headers: { 'accept-encoding': 'gzip, br' } },
    plays: [sse(events(answer))],
    expect: { ...fine, ends: '[DONE]', sentHeaders: { 'accept-encoding': 'identity' } },
  },
  {
    name: 'gzip in two members is decoded whole',
    plays: [plain(Buffer.concat([gzipSync(whole.slice(0, 50)), gzipSync(whole.slice(50))]), labelled('gzip'))],
    expect: fine,
  },
  {
    name: 'compression that is named twice is undone once for each',
    plays: [plain(gzipSync(gzipSync(whole)), labelled('gzip, gzip'))],
    expect: fine,
  },
  {
    name: 'a compressed completion reaches the SDK',
    via: 'sdk',
    plays: [plain(gzipSync(whole), labelled('gzip'))],
    expect: { status: 200, content: wordsText, usage: { input: 100, output: 50 } },
  },
];

/** Providers are asked for plain bytes; what comes compressed all the same is decoded. */
export const compressionQuirks: readonly Quirk[] = [...replies, ...streams, ...undecodable, ...others];
