import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { chatPath } from '../kit/tollgate-client.js';
import { answer, completion, events, plain, reported, sse, wordsText } from '../kit/scripted-provider/index.js';
import type { Expected, Quirk } from './quirk.js';

const reply = plain(completion(wordsText, reported));
const fine: Expected = { status: 200, content: wordsText, usage: { input: 100, output: 50 } };
const text = (body: (model: string) => string) => ({ body });
const hi = '"messages":[{"role":"user","content":"hi"}]';

const methods: readonly Quirk[] = [
  ...['GET', 'PUT', 'DELETE', 'PATCH'].map((method): Quirk => ({
    name: `${method} at the chat endpoint is told that only POST is taken`,
    request: { method },
    plays: [reply],
    expect: { status: 405, code: 'method_not_allowed', headers: { allow: /POST/ }, usage: 'no event' },
  })),
  {
    name: 'HEAD at the chat endpoint is told that only POST is taken',
    request: { method: 'HEAD' },
    plays: [reply],
    expect: { status: 405, headers: { allow: /POST/ }, usage: 'no event' },
  },
  {
    name: 'OPTIONS at the chat endpoint is told that only POST is taken',
    request: { method: 'OPTIONS' },
    plays: [reply],
    expect: { status: [200, 204, 405], headers: { allow: /POST/ }, usage: 'no event' },
  },
];

const paths: readonly Quirk[] = [
  ...[
    `/${chatPath}`,
    '/v1//chat/completions',
    `${chatPath}/`,
    `/${chatPath}//`,
    `${chatPath}?api-version=1`,
    `http://127.0.0.1${chatPath}`,
  ].map((path): Quirk => ({
    name: `${path} is the chat endpoint`,
    request: { path },
    plays: [reply],
    expect: fine,
  })),
  {
    name: 'a base URL with a slash at its end leads to the same path',
    settings: { base_url: '{base}/' },
    plays: [reply],
    expect: fine,
  },
];

const compressed: readonly (readonly [coding: string, compress: (text: string) => Uint8Array])[] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['GZIP', gzipSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
  ['identity', Buffer.from],
];

const bodies: readonly Quirk[] = [
  ...compressed.map(([coding, compress]): Quirk => ({
    name: `a body that is compressed by ${coding} is decoded`,
    request: { headers: { 'content-encoding': coding }, body: (model) => compress(`{"model":"${model}",${hi}}`) },
    plays: [reply],
    expect: { ...fine, sentHeaders: { 'content-type': 'application/json' } },
  })),
  {
    name: 'a body in an unknown coding is refused in words',
    request: { headers: { 'content-encoding': 'compress' } },
    plays: [reply],
    expect: { status: 415, code: 'unsupported_media_type', usage: 'no event' },
  },
  {
    name: 'a body that is not compressed as it says is refused',
    request: { headers: { 'content-encoding': 'gzip' } },
    plays: [reply],
    expect: { status: 400, usage: 'no event' },
  },
  {
    name: 'a small body that would fill the memory is refused as too large',
    request: { headers: { 'content-encoding': 'gzip' }, body: () => gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')) },
    plays: [reply],
    expect: { status: 413, usage: 'no event' },
  },
  ...['"\\u4f60":1', '"a\\/b":1', '"a\\"b":{"c":[1]}'].map((field): Quirk => ({
    name: `a field that Tollgate does not know may be spelt with escapes: ${field}`,
    request: text((model) => `{${field},"model":"${model}",${hi}}`),
    plays: [reply],
    expect: { ...fine },
  })),
  ...['"\\u006dodel":"other"', '"max_\\u0074okens":5', '"\\u0073tream":true'].map((field): Quirk => ({
    name: `a field that Tollgate reads may not be spelt with escapes: ${field}`,
    request: text((model) => `{${field},"model":"${model}",${hi}}`),
    plays: [reply],
    expect: { status: 400, usage: 'no event' },
  })),
  ...[0, 40, 48, 49, 400].map((before): Quirk => ({
    name: `a raw tab after ${before} characters of a text, which is no JSON, is refused, and costs nothing`,
    request: text((model) => `{"model":"${model}","messages":[{"role":"user","content":"${'x'.repeat(before)}\t"}]}`),
    plays: [reply],
    // Whoever finds it: the gateway does not look at every character of a long text, providers parse it.
    expect: { status: 400, usage: 'either' },
  })),
  {
    name: 'numbers with a point and a zero are ceilings too',
    key: { credit_limit_usd: 1 },
    request: { ...text((model) => `{"model":"${model}","max_tokens":100.0,${hi}}`) },
    plays: [reply],
    expect: fine,
  },
  {
    name: 'an n of null is one answer',
    key: { credit_limit_usd: 1 },
    request: { fields: { n: null } },
    plays: [reply],
    expect: fine,
  },
  {
    name: 'a model that nobody serves is named in the refusal',
    request: text(() => `{"model":"nobody-serves-this",${hi}}`),
    plays: [reply],
    expect: { status: 404, code: 'model_not_found', holds: 'nobody-serves-this', usage: 'no event' },
  },
  { name: 'a stream of null is a plain call', request: { fields: { stream: null } }, plays: [reply], expect: fine },
  {
    name: 'a stream is a stream wherever the field stands',
    request: text((model) => `{${hi},"stream" : true ,"model":"${model}"}`),
    plays: [sse(events(answer))],
    expect: { status: 200, holds: 'data: [DONE]', usage: { input: 100, output: 50 } },
  },
];

/** What clients send. */
export const requestQuirks: readonly Quirk[] = [...methods, ...paths, ...bodies];
