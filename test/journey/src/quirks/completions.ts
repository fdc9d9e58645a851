import {
  answer,
  chunk,
  completion,
  event,
  events,
  liveEvents,
  openSse,
  plain,
  reported,
  role,
  sse,
  stop,
  words,
  wordsText,
  type HeadOptions,
  type Script,
} from '../kit/scripted-provider/index.js';
import type { Expected, Quirk } from './quirk.js';

/** What comes of an error that stands in a reply of status 200: as if its code had been the status. */
type Verdict = Pick<Expected, 'status' | 'code' | 'holds'>;

const failed: Verdict = { status: 502, code: 'provider_failed' };
const overloaded: Verdict = { status: 429, code: 'provider_overloaded' };
/** It has no free capacity. */
const full: Verdict = { status: 503, code: 'server_is_overloaded' };
const timedOut: Verdict = { status: 504, code: 'provider_timeout' };
/** The caller's own fault: its status, in the provider's words. */
const passed = (status: number): Verdict => ({ status, holds: 'words of the provider' });

const wellAnswered = { content: wordsText, usage: { input: 100, output: 50 } } as const;
const error = (code?: unknown, more: object = {}): object => ({
  error: { message: 'words of the provider', ...(code !== undefined && { code }) },
  ...more,
});

interface Pretence {
  readonly what: string;
  readonly script: Script;
  readonly verdict: Verdict;
  /** The tokens that it reports all the same. Absent: none. */
  readonly used?: { readonly input: number; readonly output: number };
}

const page = `<!doctype html><title>Sign in</title>${'<p>Sign in to go on.</p>'.repeat(1_500)}`;
const json = (what: string, body: unknown, verdict = failed, options: HeadOptions = {}): Pretence => ({
  what,
  script: plain(typeof body === 'string' ? body : JSON.stringify(body), options),
  verdict,
});

const using = (pretence: Pretence, input: number, output: number): Pretence => ({
  ...pretence,
  used: { input, output },
});

/** Replies of status 200 that are no completion. */
const pretences: readonly Pretence[] = [
  json('a page of HTML', page, failed, { type: 'text/html' }),
  json('a page of HTML that is labelled as JSON', page),
  json('a line of text', 'upstream is starting', failed, { type: 'text/plain' }),
  json('an empty body', ''),
  { what: '204', script: plain('', { status: '204 No Content' }), verdict: failed },
  ...['null', '[1,2,3]', '"text"', '42', '{', '{"choices":[{"index":0,"message":{"role":"assis'].map((body) =>
    json(`the JSON ${body}`, body),
  ),
  json('{"status":"ok"}', { status: 'ok' }),
  json('an envelope of its own that says it failed', { code: 1302, msg: 'rate limit', success: false }),
  json('problem details', { type: 'about:blank', title: 'Service Unavailable', status: 503 }, full, {
    type: 'application/problem+json',
  }),
  using(json('choices of null', { id: 'c', object: 'chat.completion', choices: null, usage: reported }), 100, 50),
  using(json('choices that are no list', { choices: { index: 0 }, usage: reported }), 100, 50),
  json('no choice at all', { id: 'c', object: 'chat.completion', choices: [] }),
  using(
    json('a reply of another dialect', {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: 'hi' }],
      usage: { input_tokens: 5, output_tokens: 1 },
    }),
    5,
    1,
  ),
  json('the native reply of a local server', { model: 'm', message: { role: 'assistant', content: 'hi' }, done: true }),
  json('an error without a code', error()),
  json('an error that is a text', { error: 'Insufficient balance', status: 402 }),
  json('an error beside choices', error(503, { choices: [] }), full),
  using(
    json('an error beside a whole choice', { ...(JSON.parse(completion('half', reported)) as object), ...error(502) }),
    100,
    50,
  ),
  json('a choice that finished with an error', {
    id: 'c',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: '' },
        finish_reason: 'error',
        error: { code: 502, message: 'upstream' },
      },
    ],
  }),
  json('an error of code 429', error(429, { user_id: 'u' }), overloaded),
  json('an error of code 429 with a status of 201', error(429), overloaded, { status: '201 Created' }),
  ...[400, 404, 413, 422].map((code) => json(`an error of code ${code}`, error(code), passed(code))),
  ...[401, 402, 403, 407, 500, 502].map((code) => json(`an error of code ${code}`, error(code))),
  ...[503, 529].map((code) => json(`an error of code ${code}`, error(code), full)),
  ...[408, 504].map((code) => json(`an error of code ${code}`, error(code), timedOut)),
  json('an error whose code is 429 in digits', error('429'), overloaded),
  json('an error whose code names a rate limit', error('rate_limit_exceeded'), overloaded),
  json('an error whose type names a rate limit', { error: { message: 'x', type: 'rate_limit_error' } }, overloaded),
  json('an error whose code says that our account is empty', error('insufficient_quota')),
  json('an error whose code says that the context is too long', error('context_length_exceeded'), passed(400)),
  json(
    'an error that is the document itself',
    { object: 'error', message: 'words of the provider', code: 400 },
    passed(400),
  ),
  json('an error whose code is no status', error(1302)),
  json('an error whose code is a success', error(200)),
];

/** The same where a stream was asked for. */
const streamPretences: readonly Pretence[] = [
  json('JSON with an error of code 503', { error: { message: 'overloaded', type: 'server_error', code: 503 } }, full),
  json('JSON with an error of code 429', error(429), overloaded),
  json('JSON with an error of code 400', error(400), passed(400)),
  json('a page of HTML', page, failed, { type: 'text/html' }),
  json('a page of HTML that is labelled as a stream', page, failed, { type: 'text/event-stream' }),
  json('an empty body', ''),
  json('nothing but comments', ': OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n', failed, {
    type: 'text/event-stream',
  }),
  { what: 'a stream without an event', script: sse([]), verdict: failed },
  { what: 'a stream whose only event is its end', script: sse(events(['[DONE]'])), verdict: failed },
  {
    what: 'an error of code 429 as the first event, after a comment',
    script: sse([Buffer.from(': OPENROUTER PROCESSING\n\n'), ...events([error(429), '[DONE]'])]),
    verdict: overloaded,
  },
  { what: 'an error without a code as the first event', script: sse(events([error(), '[DONE]'])), verdict: failed },
  {
    what: 'an error that is a text as the first event',
    script: sse(events([{ error: 'no instance' }])),
    verdict: failed,
  },
  { what: 'an error of code 404 as the first event', script: sse(events([error(404)])), verdict: passed(404) },
  { what: 'an error of code 504 as the first event', script: sse(events([error(504)])), verdict: timedOut },
  {
    what: 'a first event that is called error',
    script: sse([Buffer.from(`event: error\ndata: ${JSON.stringify(error(500))}\n\n`)]),
    verdict: failed,
  },
  {
    what: 'an error beside choices as the first event',
    script: sse(events([{ ...chunk({ content: '' }, 'error'), ...error(502) }, '[DONE]'])),
    verdict: failed,
  },
  {
    what: 'an error of vLLM as the first event',
    script: sse(events([{ object: 'error', message: 'words of the provider', type: 'BadRequestError', code: 400 }])),
    verdict: passed(400),
  },
  {
    what: 'an error of code 429 behind pings',
    script: sse([Buffer.from('event: ping\ndata: {"type":"ping"}\n\n'), ...events([error(429)])]),
    verdict: overloaded,
  },
  {
    what: 'an error as the first event, in pieces',
    script: sse([...Buffer.from('data: {"error":{"code":429,"message":"x"}}\n\n')].map((byte) => Buffer.from([byte]))),
    verdict: overloaded,
  },
];

const alone =
  (stream: boolean) =>
  ({ what, script, verdict, used }: Pretence): Quirk => ({
    name: `${stream ? 'where a stream was asked for, ' : ''}${what} is not served as a completion, and costs nothing`,
    key: 'covers one call',
    request: { stream },
    plays: [script],
    expect: {
      ...verdict,
      usage: used === undefined ? 'nothing' : { ...used, inVain: true },
      ...(verdict.status !== 400 && verdict.holds === undefined && { logged: true }),
    },
  });

/** Only what the caller is to blame for is not tried elsewhere. */
const withStandIn =
  (stream: boolean) =>
  ({ what, script, verdict }: Pretence): Quirk => ({
    name: [
      ...(stream ? ['where a stream was asked for,'] : []),
      what,
      verdict.holds === undefined ? 'makes the next target answer' : 'is tried nowhere else',
    ].join(' '),
    targets: 2,
    request: { stream },
    plays: [script, stream ? sse(events(answer)) : plain(completion(wordsText, reported))],
    expect:
      verdict.holds === undefined
        ? { status: 200, ...wellAnswered, asked: 2 }
        : { ...verdict, usage: 'nothing', asked: 1 },
  });

/** What looks unlike a completion, and is one. */
const unusual: readonly Quirk[] = [
  {
    name: 'blank lines before the JSON of a completion change nothing',
    plays: [plain(`\n\n \r\n${completion(wordsText, reported)}`)],
    expect: { status: 200, ...wellAnswered },
  },
  {
    name: 'a completion without a media type is one',
    plays: [plain(completion(wordsText, reported), { type: '' })],
    expect: { status: 200, ...wellAnswered },
  },
  {
    name: 'a completion that is labelled as text is one',
    plays: [plain(completion(wordsText, reported), { type: 'text/plain' })],
    expect: { status: 200, ...wellAnswered },
  },
  {
    name: 'a completion with a media type in capitals is one',
    plays: [plain(completion(wordsText, reported), { type: 'Application/JSON; Charset=UTF-8' })],
    expect: { status: 200, ...wellAnswered },
  },
  {
    name: 'a completion whose error is null is one',
    plays: [plain(completion(wordsText, reported, { error: null }))],
    expect: { status: 200, ...wellAnswered },
  },
  {
    name: 'a completion without content is one where it calls a tool',
    plays: [
      plain(
        completion(
          { content: null, tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{}' } }] },
          reported,
        ),
      ),
    ],
    expect: { status: 200, usage: { input: 100, output: 50 } },
  },
  {
    name: 'a completion whose text is a page of HTML or an error is one',
    plays: [plain(completion(`<!doctype html>{"error":{"code":429}}`, reported))],
    expect: { status: 200, content: '<!doctype html>{"error":{"code":429}}', usage: { input: 100, output: 50 } },
  },
  {
    name: 'a stream whose first text is an error in JSON is one',
    request: { stream: true },
    plays: [sse(events([chunk({ content: '{"error":{"code":429}}' }), stop, ...answer.slice(-2)]))],
    expect: { status: 200, content: '{"error":{"code":429}}', usage: { input: 100, output: 50 } },
  },
  {
    name: 'an error event in the midst of a stream reaches the client, and is no output',
    request: { stream: true },
    plays: [sse(events([role, ...words.slice(0, 4), error(502, { note: 'x'.repeat(4_000) })]))],
    expect: {
      status: 200,
      content: 'word0 word1 word2 word3 ',
      holds: 'words of the provider',
      usage: { input: [1, 100], output: [4, 20] },
    },
  },
  {
    name: 'an error event in the midst of a stream is an error for the SDK too',
    request: { stream: true },
    via: 'sdk',
    plays: [sse(events([role, error(502), '[DONE]']))],
    expect: { status: 200, sdkThrows: 'words of the provider', usage: { input: [0, 100], output: 0 } },
  },
];

/** A stream is known by its bytes, whatever its label says. */
const labels: readonly Quirk[] = [
  ...[
    'Text/Event-Stream',
    'text/event-stream;charset=UTF-8',
    'TEXT/EVENT-STREAM; charset=utf-8',
    '',
    'text/plain',
    'text/plain; charset=utf-8',
    'application/octet-stream',
    'application/json',
    'text/html',
  ].map((type): Quirk => ({
    name: `a stream labelled ${type === '' ? 'not at all' : type} is passed on as it comes`,
    request: { stream: true },
    plays: [sse(liveEvents(answer), { type })],
    expect: { status: 200, content: wordsText, ends: '[DONE]', usage: { input: 100, output: 50 } },
  })),
  {
    name: 'a stream of status 201 is passed on as it comes',
    request: { stream: true },
    plays: [sse(liveEvents(answer), { status: '201 Created' })],
    expect: { status: [200, 201], content: wordsText, ends: '[DONE]', usage: { input: 100, output: 50 } },
  },
  ...['\n', ': keep-alive\n\n', 'event: message\n', 'id: 1\n', 'retry: 3000\n\n', '\uFEFF'].map((start): Quirk => ({
    name: `a stream without a label that begins with ${JSON.stringify(start)} is passed on as it comes`,
    request: { stream: true },
    plays: [sse([Buffer.from(start), ...liveEvents(answer)], { type: '' })],
    expect: { status: 200, content: wordsText, ends: '[DONE]', usage: { input: 100, output: 50 } },
  })),
  {
    name: 'a stream that nobody asked for is a failure, and costs nothing',
    key: 'covers one call',
    plays: [sse(events(answer))],
    expect: { ...failed, usage: 'nothing', logged: true },
  },
  {
    name: 'a stream that nobody asked for, labelled as JSON, is a failure, and costs nothing',
    plays: [sse(events(answer), { type: 'application/json' })],
    expect: { ...failed, usage: 'nothing' },
  },
  {
    name: 'a stream that nobody asked for makes the next target answer',
    targets: 2,
    plays: [sse(events(answer)), plain(completion(wordsText, reported))],
    expect: { status: 200, ...wellAnswered, asked: 2 },
  },
];

/** Whose answer is passed on, and who else is asked, by the status of an answer that is no success. */
const statuses: readonly Quirk[] = [
  ...[500, 502, 503, 529, 401, 403].map((status): Quirk => ({
    name: `a provider's ${status} makes the next target answer`,
    targets: 2,
    plays: [plain(JSON.stringify(error()), { status: `${status} Oh` }), plain(completion(wordsText, reported))],
    expect: { status: 200, ...wellAnswered, asked: 2 },
  })),
  ...[
    '{"error":{"message":"words of the provider"}}',
    'words of the provider',
    '<p>words of the provider',
    '["words of the provider"]',
  ].map((body): Quirk => ({
    name: `a provider's 400 reaches the caller as it is: ${body}`,
    key: 'covers one call',
    plays: [plain(body, { status: '400 Bad Request' })],
    expect: { ...passed(400), usage: 'nothing' },
  })),
  {
    name: 'a redirect is not followed, and is a failure',
    plays: [
      plain('', { status: '307 Temporary Redirect', headers: { location: 'http://127.0.0.1:1/v1/chat/completions' } }),
    ],
    expect: { ...failed, usage: 'nothing' },
  },
  {
    name: 'a plain reply that is cut makes the next target answer',
    targets: 2,
    plays: [
      [
        Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"choices":'),
        0,
        'reset',
      ],
      plain(completion(wordsText, reported)),
    ],
    expect: { status: 200, ...wellAnswered, asked: 2 },
  },
  ...['', ': waiting\n\n'].map((start): Quirk => ({
    name: `a stream that breaks off after ${start === '' ? 'its head' : 'a comment'} makes the next target answer`,
    targets: 2,
    request: { stream: true },
    plays: [[...openSse([Buffer.from(start)].filter(({ length }) => length > 0)), 5, 'reset'], sse(events(answer))],
    expect: { status: 200, ...wellAnswered, ends: '[DONE]', asked: 2 },
  })),
  ...['', ': waiting\n\n', 'data: {"id":"c","cho'].map((start): Quirk => ({
    name: `a stream that breaks off after ${JSON.stringify(start)} is a failure, and costs nothing`,
    key: 'covers one call',
    request: { stream: true },
    plays: [[...openSse([Buffer.from(start)].filter(({ length }) => length > 0)), 5, 'reset']],
    expect: { ...failed, usage: 'nothing', logged: true },
  })),
  ...['hello', '{"choices":[1]}'].map((data): Quirk => ({
    name: `an event that is no chunk, ${data}, in the midst of a stream is passed on`,
    request: { stream: true },
    plays: [sse([...events([role]), event(data), ...events(answer.slice(1))])],
    expect: { status: 200, holds: data, content: wordsText, ends: '[DONE]', usage: { input: 100, output: 50 } },
  })),
];

/** What came instead of a stream, and was called one; and chunks in which no choice says anything, before an error. */
const misnamed: readonly Quirk[] = [
  {
    name: 'an error in JSON that is labelled as a stream is as if its code had been the status',
    key: 'covers one call',
    request: { stream: true },
    plays: [plain(JSON.stringify(error(429)), { type: 'text/event-stream' })],
    expect: { ...overloaded, usage: 'nothing', logged: true },
  },
  ...[
    { id: 'c', choices: null, base_resp: { status_code: 1002, status_msg: 'rate limit' } },
    { choices: [], prompt_filter_results: [{}] },
  ].map((first): Quirk => ({
    name: `a stream that begins with ${JSON.stringify(first).slice(0, 40)} and goes on with an error makes the next target answer`,
    targets: 2,
    request: { stream: true },
    plays: [sse(events([first, error(503)])), sse(events(answer))],
    expect: { status: 200, ...wellAnswered, ends: '[DONE]', asked: 2 },
  })),
];

/** A 2xx is a completion only if it looks like one; what is none is a failure before the first byte. */
export const completionQuirks: readonly Quirk[] = [
  ...pretences.map(alone(false)),
  ...pretences.filter((_, index) => index % 4 === 0 || index > 24).map(withStandIn(false)),
  ...streamPretences.map(alone(true)),
  ...streamPretences.map(withStandIn(true)),
  ...unusual,
  ...labels,
  ...statuses,
  ...misnamed,
];
