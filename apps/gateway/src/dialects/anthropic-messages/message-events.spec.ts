import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartsPattern } from '../../providers/credential-mask.js';
import { MessageEvents } from './message-events.js';

const event = (value: { type: string } & Record<string, unknown>): string =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const start = (usage: object = { input_tokens: 27, output_tokens: 1 }): string =>
  event({ type: 'message_start', message: { id: 'msg_1', type: 'message', role: 'assistant', content: [], usage } });
const open = (index: number, block: object = { type: 'text', text: '' }): string =>
  event({ type: 'content_block_start', index, content_block: block });
const text = (index: number, words: string): string =>
  event({ type: 'content_block_delta', index, delta: { type: 'text_delta', text: words } });
const delta = (index: number, fields: object): string => event({ type: 'content_block_delta', index, delta: fields });
const close = (index: number): string => event({ type: 'content_block_stop', index });
const end = (usage: object = { output_tokens: 47 }, reason = 'end_turn'): string =>
  event({ type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage });
const STOP = event({ type: 'message_stop' });
const PING = event({ type: 'ping' });

function run(chunks: readonly (string | Buffer)[], credential: PartsPattern | null = null) {
  const events = new MessageEvents(credential);
  let out = '';
  let tail = '';
  let done = false;
  for (const chunk of chunks) {
    const part = events.take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    out += part.events;
    tail += part.tail;
    done ||= part.done;
  }
  const rest = events.end();
  out = Buffer.from(out + rest.events + tail + rest.tail, 'latin1').toString();
  const { error, finished, isReportEarly, opened, report, tellsCredential } = events;
  return {
    out,
    tail: tail + rest.tail,
    done: done || rest.done,
    counted: events.countedTokens(),
    report: report && [report.inputTokens, report.outputTokens, report.cachedInputTokens],
    error,
    finished,
    isReportEarly,
    opened,
    tellsCredential,
  };
}
const answer = [start(), open(0), text(0, 'one'), PING, text(0, ' two, é€\u{1F9FF}'), close(0), end(), STOP];

describe('a streamed message', () => {
  it('passes to the byte, and its last event waits for the journal', () => {
    expect(run(answer)).toMatchObject({
      out: answer.join(''),
      tail: STOP,
      done: true,
      opened: true,
      finished: true,
      isReportEarly: false,
      error: null,
      report: [27, 47, 0],
    });
  });
  it('reads the same wherever the network cuts it', () => {
    const bytes = Buffer.from(answer.join(''));
    for (let at = 1; at < bytes.length; at++)
      expect(run([bytes.subarray(0, at), bytes.subarray(at)])).toMatchObject({
        out: answer.join(''),
        done: true,
        report: [27, 47, 0],
      });
  });
  it.each(['\r', '\r\n'])('reads lines that end in %j', (line) => {
    const whole = answer.join('').replaceAll('\n', line);
    expect(run([whole])).toMatchObject({ out: whole, done: true, report: [27, 47, 0] });
  });
  it('is opened by content, so that an error before it can still go to another provider', () => {
    expect(run([PING, start(), PING])).toMatchObject({ opened: false, done: false });
    expect(run([start(), open(0)])).toMatchObject({ opened: true });
    expect(run([start(), end()])).toMatchObject({ opened: true, finished: true });
  });
  it('hears nothing after its last event', () => {
    expect(run([answer.join('') + text(0, 'more'), end({ output_tokens: 9_000 })])).toMatchObject({
      out: answer.join(''),
      report: [27, 47, 0],
    });
  });
});

describe('the usage of a streamed message', () => {
  it.each<[string, readonly object[], readonly number[]]>([
    // tensorzero #5481, ccusage #938: adding doubles, the first value undercounts.
    [
      'is cumulative',
      [{ input_tokens: 27, output_tokens: 1 }, { input_tokens: 27, output_tokens: 12 }, { output_tokens: 47 }],
      [27, 47, 0],
    ],
    [
      'keeps a field that a later report leaves out',
      [{ input_tokens: 27, output_tokens: 1 }, { output_tokens: 47 }],
      [27, 47, 0],
    ],
    [
      'keeps a field that a later report has as null',
      [
        { input_tokens: 27, output_tokens: 1 },
        { input_tokens: null, output_tokens: 47 },
      ],
      [27, 47, 0],
    ],
    [
      'has what was read from a cache and written to it beside the input',
      [
        { input_tokens: 3, cache_creation_input_tokens: 12_304, cache_read_input_tokens: 100, output_tokens: 1 },
        { output_tokens: 47 },
      ],
      [12_407, 47, 100],
    ],
    [
      'is never lowered to zero',
      [{ input_tokens: 27, output_tokens: 1 }, { output_tokens: 47 }, { output_tokens: 0 }],
      [27, 47, 0],
    ],
    [
      'may say everything at the end',
      [
        { input_tokens: 0, output_tokens: 0 },
        { input_tokens: 5, cache_read_input_tokens: 22, output_tokens: 47 },
      ],
      [27, 47, 22],
    ],
  ])('%s', (_what, [first, ...later], expected) => {
    const deltas = later.map((usage, index) => text(0, `word ${index}`) + end(usage));
    expect(run([start(first), open(0), ...deltas, STOP]).report).toEqual(expected);
  });
  it('is the same from templates and from parsed events, whatever the texts', () => {
    const words = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(words, fc.nat(5), (all, spaces) => {
        const padded = (raw: string): string => raw.replace(/\}\n\n$/, `${' '.repeat(spaces)}}\n\n`);
        const whole = [start(), open(0), ...all.map((each) => padded(text(0, each))), end(), STOP];
        const events = run(whole);
        expect(events.out).toBe(whole.join(''));
        const only = all.map((each) => run([start(), open(0), text(0, each), STOP]).counted);
        // Each is rounded up on its own.
        expect(events.counted).toBeLessThanOrEqual(only.reduce((sum, each) => sum + each, 0));
        expect(events.counted).toBeGreaterThan(0);
      }),
    );
  });
  it('is early while text comes after it', () => {
    expect(run([start(), open(0), text(0, 'a')])).toMatchObject({ isReportEarly: true, report: [27, 1, 0] });
    expect(run([start(), open(0), text(0, 'a'), end({ output_tokens: 1 }), STOP])).toMatchObject({
      isReportEarly: true,
    });
    expect(run([start(), open(0), text(0, 'a'), end(), STOP])).toMatchObject({ isReportEarly: false });
  });
  it('counts text, thoughts, names and inputs of tools, and neither signatures nor what a search found', () => {
    const long = 'word '.repeat(200);
    const counted = (...events: string[]): number => run([start(), ...events]).counted;
    expect(counted(open(0), text(0, long))).toBeGreaterThan(150);
    expect(
      counted(open(0, { type: 'thinking', thinking: '' }), delta(0, { type: 'thinking_delta', thinking: long })),
    ).toBeGreaterThan(150);
    expect(
      counted(
        open(0, { type: 'tool_use', id: 't', name: 'f', input: {} }),
        delta(0, { type: 'input_json_delta', partial_json: long }),
      ),
    ).toBeGreaterThan(150);
    expect(counted(open(0), delta(0, { type: 'signature_delta', signature: long }))).toBe(0);
    expect(counted(open(0, { type: 'web_search_tool_result', content: [{ encrypted_content: long }] }))).toBe(0);
    expect(counted(open(0), delta(0, { type: 'citations_delta', citation: { cited_text: long } }))).toBe(0);
  });
});

describe('an error in a streamed message', () => {
  const overloaded = event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });

  it('before any content lets another provider be asked, with the status that its type stands for', () => {
    expect(run([start(), overloaded])).toMatchObject({ opened: false, error: { status: 503, why: 'error' } });
    expect(run([overloaded])).toMatchObject({ opened: false, error: { status: 503 } });
    const limited = event({ type: 'error', error: { type: 'rate_limit_error', message: 'slow' } });
    expect(run([limited])).toMatchObject({ error: { status: 429 } });
  });
  it('after some content passes, and the answer is not finished', () => {
    expect(run([start(), open(0), text(0, 'a'), overloaded])).toMatchObject({
      out: start() + open(0) + text(0, 'a') + overloaded,
      opened: true,
      finished: false,
      error: { why: 'error' },
    });
  });
  it('is not what a text says', () => {
    expect(run([start(), open(0), text(0, '{"type":"error"}'), text(0, 'event: error'), end(), STOP])).toMatchObject({
      error: null,
      done: true,
    });
  });
  it('is a stream that is none', () => {
    expect(run(['data: <html>\n\n'])).toMatchObject({ opened: false, error: { why: 'no_answer' } });
    expect(run([start(), open(0), 'event: content_block_delta\ndata: {"type":"content_bl'])).toMatchObject({
      out: start() + open(0),
      done: false,
      finished: false,
    });
  });
});

describe('our credential in a streamed message', () => {
  const secret = 'sk-ant-our-own-credential-0123456789';
  const pattern = new PartsPattern(secret);

  it('is noticed in pieces of any size, within one block', () => {
    for (let size = 1; size < 12; size++) {
      const pieces = secret.match(new RegExp(`.{1,${size}}`, 'g'))!;
      const events = run([start(), open(0), ...pieces.map((piece) => text(0, piece)), end(), STOP], pattern);
      expect(events.tellsCredential).toBe(true);
      expect(events.out).not.toContain(STOP);
    }
    expect(run(answer, pattern).tellsCredential).toBe(false);
  });
});
