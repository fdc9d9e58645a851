import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamEvents } from './stream-events.js';

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const ROLE = event({ choices: [{ delta: { role: 'assistant', content: '' } }], usage: null });
const word = (text: string): string => event({ choices: [{ delta: { content: text } }], usage: null });
const USAGE = event({
  choices: [],
  usage: { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } },
});
const STOP = event({ choices: [{ delta: {}, finish_reason: 'stop' }] });
const DONE = 'data: [DONE]\n\n';
const REPORTED = { inputTokens: 7, outputTokens: 3, cachedInputTokens: 2, reasoningTokens: 0 };

function run(showUsage: boolean, chunks: readonly (string | Buffer)[]) {
  const events = new StreamEvents(showUsage);
  let out = '';
  let done = false;
  for (const chunk of chunks) {
    const part = events.take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    out += part.events + part.tail;
    done ||= part.done;
  }
  const rest = events.end();
  out = Buffer.from(out + rest.events + rest.tail, 'latin1').toString();
  const { error, finished, isReportEarly, opened, report } = events;
  return {
    out,
    report,
    done: done || rest.done,
    counted: events.countedTokens(),
    error,
    finished,
    isReportEarly,
    opened,
  };
}

describe('a streamed completion', () => {
  const whole = [ROLE, word('one'), word(' two, \u00e9\u20ac\u{1F9FF}'), USAGE, DONE];

  it('passes to the byte for who asked for usage', () => {
    expect(run(true, whole)).toMatchObject({ out: whole.join(''), report: REPORTED, done: true });
  });
  it('loses the usage chunk, and only that, for who did not ask', () => {
    expect(run(false, whole)).toMatchObject({
      out: ROLE + word('one') + word(' two, \u00e9\u20ac\u{1F9FF}') + DONE,
      report: REPORTED,
      done: true,
    });
  });
  it.each([
    ['in its first event alone', ['priority', null, null], 'priority'],
    ['before its report, which has none', ['priority', 'priority', null], 'priority'],
    ['with its report alone', [null, null, 'flex'], 'flex'],
    ['and another one later', ['priority', 'priority', 'default'], undefined],
    ['and another one with its report', ['default', 'default', 'flex'], 'flex'],
    ['by a word that no provider uses', ['a\u0000b', null, null], undefined],
  ])('was served by the tier that it names %s', (_, tiers, served) => {
    const usage = { prompt_tokens: 7, completion_tokens: 3 };
    const events = [
      { choices: [{ delta: { content: 'one' } }] },
      { choices: [{ delta: {}, finish_reason: 'stop' }] },
      { choices: [], usage },
    ];
    const chunks = events.map((each, at) => event({ ...each, ...(tiers[at] !== null && { service_tier: tiers[at] }) }));
    expect(run(true, [...chunks, DONE]).report?.details?.serviceTier ?? undefined).toBe(served);
  });
  it('reads the same wherever the network cuts it', () => {
    const bytes = Buffer.from(whole.join(''));
    for (let at = 1; at < bytes.length; at++) {
      expect(run(false, [bytes.subarray(0, at), bytes.subarray(at)])).toMatchObject({
        out: ROLE + word('one') + word(' two, \u00e9\u20ac\u{1F9FF}') + DONE,
        report: REPORTED,
        done: true,
      });
    }
  });
  it.each(['\r', '\r\n'])('reads lines that end in %j', (end) => {
    const { out, report, done } = run(
      false,
      whole.map((text) => text.replaceAll('\n', end)),
    );
    expect({ out, report, done }).toMatchObject({
      out: (ROLE + word('one') + word(' two, \u00e9\u20ac\u{1F9FF}') + DONE).replaceAll('\n', end),
      report: REPORTED,
      done: true,
    });
  });
  it('hears nothing behind [DONE]', () => {
    expect(run(true, [ROLE, word('a') + DONE + word('b'), USAGE])).toMatchObject({
      out: ROLE + word('a') + DONE,
      report: null,
      done: true,
    });
  });
  it.each([
    ['no choices', { usage: { prompt_tokens: 1, completion_tokens: 2 } }],
    ['null for choices', { choices: null, usage: { prompt_tokens: 1, completion_tokens: 2 } }],
    ['numbers as strings', { choices: [], usage: { prompt_tokens: '1', completion_tokens: '2' } }],
    ['half a report', { choices: [], usage: { prompt_tokens: 1, completion_tokens: null } }],
    ['a report that cannot be read', { choices: [], usage: { tokens: 'many' } }],
  ])('never shows a usage chunk with %s to who did not ask', (_, chunk) => {
    expect(run(false, [ROLE, word('a'), event(chunk), DONE]).out).toBe(ROLE + word('a') + DONE);
    expect(run(true, [ROLE, word('a'), event(chunk), DONE]).out).toBe(ROLE + word('a') + event(chunk) + DONE);
  });
  it('keeps events without choices that report nothing', () => {
    const filter = event({ choices: [], prompt_filter_results: [{}] });
    expect(run(false, [filter, ROLE, DONE]).out).toBe(filter + ROLE + DONE);
  });
  it('reads usage off a chunk that has choices too, and keeps that chunk', () => {
    const mixed = event({
      choices: [{ delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    });
    expect(run(false, [ROLE, mixed, DONE])).toMatchObject({
      out: ROLE + mixed + DONE,
      report: { inputTokens: 1, outputTokens: 2 },
      finished: true,
      isReportEarly: false,
    });
  });
  it('is not fooled by text that looks like usage, an error or the end', () => {
    for (const text of [
      '"usage":{"prompt_tokens":1,"completion_tokens":1}',
      '{"error":{"code":429}}',
      'data: [DONE]',
      '[DONE]',
      '\n\ndata: [DONE]\n\n',
      '"finish_reason":"stop"',
    ]) {
      const spoken = word(text);
      expect(run(false, [ROLE, word('a'), spoken, word('b')])).toMatchObject({
        out: ROLE + word('a') + spoken + word('b'),
        report: null,
        error: null,
        done: false,
        finished: false,
      });
    }
  });
  it('never lets a later report lower an earlier one, and knows an early one', () => {
    const early = event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 0 } });
    expect(run(false, [early, ROLE, word('one'), USAGE, DONE])).toMatchObject({
      out: ROLE + word('one') + DONE,
      report: REPORTED,
      isReportEarly: false,
    });
    expect(run(false, [ROLE, word('one'), USAGE, early, DONE])).toMatchObject({
      report: REPORTED,
      isReportEarly: false,
    });
    expect(run(false, [early, ROLE, word('one')])).toMatchObject({ isReportEarly: true, done: false });
  });
  it('has begun with the first part of a completion, and with no comment or event of another kind', () => {
    expect(run(false, [': OPENROUTER PROCESSING\n\n', event({ type: 'ping' })])).toMatchObject({
      opened: false,
      error: null,
    });
    expect(run(false, [ROLE])).toMatchObject({ opened: true });
    expect(run(false, [DONE])).toMatchObject({ opened: false, done: true });
  });
  it.each([
    ['an error', event({ error: { message: 'busy', code: 429 } }), 429],
    [
      'an error beside choices',
      event({ error: { code: 502, message: 'x' }, choices: [{ delta: { content: '' }, finish_reason: 'error' }] }),
      502,
    ],
    ['an event of that name', 'event: error\ndata: {"message":"x"}\n\n', 502],
    ['an event of that name with a code', 'event: error\ndata: {"message":"boom","code":429}\n\n', 429],
    ['a list with an error', event([{ error: { code: 429, message: 'x' } }]), 429],
    ['no JSON', 'data: upstream connect error\n\n', 502],
    ['a list', 'data: []\n\n', 502],
  ])('is none where its first data is %s', (_, first, status) => {
    expect(run(false, [': comment\n\n', first, DONE])).toMatchObject({ opened: false, error: { status } });
  });
  it('has not begun with chunks in which no choice says anything', () => {
    const empty = [
      event({ id: 'x', choices: null, base_resp: { status_code: 1002 } }),
      event({ choices: [], prompt_filter_results: [] }),
    ];
    expect(run(false, empty)).toMatchObject({ opened: false, error: null });
    expect(run(false, [...empty, event({ error: { code: 503 } })])).toMatchObject({
      opened: false,
      error: { status: 503 },
    });
  });
  it('takes a report that does not grow beside its text for no final one', () => {
    const step = (tokens: number) =>
      event({ choices: [{ delta: { content: ' word' } }], usage: { prompt_tokens: 7, completion_tokens: tokens } });
    expect(run(false, [ROLE, ...Array.from({ length: 50 }, () => step(1)), STOP, DONE])).toMatchObject({
      isReportEarly: true,
      report: { outputTokens: 1 },
    });
    expect(run(false, [ROLE, ...Array.from({ length: 50 }, (_, n) => step(n + 1)), STOP, DONE])).toMatchObject({
      isReportEarly: false,
    });
    expect(run(false, [ROLE, word('a'), USAGE, USAGE, DONE])).toMatchObject({ isReportEarly: false });
  });
  it('counts no error that comes later as output', () => {
    const error = event({ error: { message: 'x'.repeat(4_000), code: 500 } });
    expect(run(false, [ROLE, word('a'), error, DONE])).toMatchObject({
      out: ROLE + word('a') + error + DONE,
      opened: true,
      error: { status: 500 },
      counted: 1,
    });
  });
});

describe('the count of a stream', () => {
  const count = (...chunks: string[]): number => run(false, chunks).counted;

  it('counts no comment that keeps the connection alive, and no framing', () => {
    const words = Array.from({ length: 20 }, () => word(' see'));
    expect(count(ROLE, ...words)).toBe(20);
    expect(count(...Array.from({ length: 200 }, () => ': ping\n\n'), ROLE, ...words)).toBe(20);
  });
  it('counts at least a token for each event of text, and text that comes at once', () => {
    expect(count(ROLE, word(' a'), word(' be'), word(' see'))).toBe(3);
    expect(count(word('one two three four five '.repeat(400)))).toBeGreaterThan(2_000);
  });
  it.each(['\n', '\r\n', '\r'])(
    'is that of the text, however it is spread over events whose lines end in %j',
    (end) => {
      const text = 'word '.repeat(2_000);
      const spread: readonly (readonly number[])[] = [
        [10_000],
        [5_000, 5_000],
        [9_000, ...Array.from({ length: 8 }, () => 125)],
        Array.from({ length: 100 }, () => 100),
      ];
      for (const lengths of spread) {
        let at = 0;
        const events = lengths.map((length) => word(text.slice(at, (at += length))));
        const counted = count(...[ROLE, ...events, DONE].map((each) => each.replaceAll('\n', end)));
        expect(counted, `${lengths.length} events`).toBeGreaterThanOrEqual(2_500);
        expect(counted, `${lengths.length} events`).toBeLessThan(2_600);
      }
    },
  );
  it('counts no log probabilities', () => {
    const spoken = (text: string) =>
      event({
        choices: [
          {
            delta: { content: text },
            logprobs: {
              content: [
                {
                  token: text,
                  bytes: [...Buffer.from(text)],
                  top_logprobs: Array.from({ length: 5 }, (_, i) => ({ token: text + i, logprob: -1 })),
                },
              ],
            },
          },
        ],
      });
    expect(count(ROLE, ...Array.from({ length: 100 }, (_, i) => spoken(` word${i}`)))).toBeLessThan(200);
  });
  it('counts text once where each chunk repeats the message so far', () => {
    const chunks = Array.from({ length: 100 }, (_, n) =>
      event({ choices: [{ delta: { content: 'w ' }, message: { role: 'assistant', content: 'w '.repeat(n + 1) } }] }),
    );
    expect(count(...chunks)).toBeLessThanOrEqual(100);
  });
  it('counts a character an event by its text', () => {
    expect(count(...Array.from('a sentence of some words, '.repeat(18), (letter) => word(letter)))).toBeLessThan(200);
  });
  it('counts data in the text as an image, in one piece or many', () => {
    const url = `![image](data:image/png;base64,${'iVBORw0KGgoAAAANSUhEUgAA'.repeat(5_000)})`;
    expect(count(word(url))).toBeLessThan(1_300);
    expect(count(...(url.match(/[^]{1,2200}/g) ?? []).map(word))).toBeLessThan(1_300);
  });
  it('counts reasoning, refusals and calls of tools', () => {
    const long = 'think '.repeat(400);
    for (const delta of [
      { reasoning_content: long },
      { reasoning: long },
      { refusal: long },
      { tool_calls: [{ index: 0, function: { arguments: long } }] },
    ]) {
      expect(count(event({ choices: [{ delta }] })), JSON.stringify(delta).slice(0, 40)).toBeGreaterThan(500);
    }
  });

  it('is the same by template as by parsing, whatever the texts', () => {
    const chunk = (text: string, padding: string | undefined, index: number) =>
      event({
        id: 'c',
        object: 'chat.completion.chunk',
        choices: [{ index, delta: { content: text }, finish_reason: null }],
        usage: null,
        ...(padding !== undefined && { obfuscation: padding }),
      });
    // The extra field differs in each event, so no template fits and each event is parsed.
    const parsedChunk = (text: string, at: number) => event({ id: 'c', at, choices: [{ delta: { content: text } }] });
    const texts = fc.array(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', '\n', '\\"', '\u2028', 'a"}}]}', '')),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(texts, fc.boolean(), fc.integer({ min: 1, max: 3 }), (all, isPadded, choices) => {
        const padded = all.map((text, at) => chunk(text, isPadded ? 'x'.repeat(at % 7) : undefined, at % choices));
        const templated = run(false, [padded.join('')]);
        expect(templated.out).toBe(padded.join(''));
        expect(templated.counted).toBe(run(false, all.map(parsedChunk)).counted);
        expect(templated).toMatchObject({ error: null, report: null, finished: false });
      }),
      { numRuns: 500 },
    );
  });
});
