import { describe, expect, it } from 'vitest';
import { StreamEvents } from './stream-events.js';

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const ROLE = event({ choices: [{ delta: { role: 'assistant', content: '' } }], usage: null });
const word = (text: string): string => event({ choices: [{ delta: { content: text } }], usage: null });
const USAGE = event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } } });
const DONE = 'data: [DONE]\n\n';

function run(showUsage: boolean, chunks: readonly (string | Buffer)[]) {
  const events = new StreamEvents(showUsage);
  let out = '';
  let usage = null;
  let done = false;
  for (const chunk of chunks) {
    const part = events.take(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    out += part.events + part.tail;
    usage = part.usage ?? usage;
    done ||= part.done;
  }
  out += events.end().events;
  out = Buffer.from(out, 'latin1').toString();
  return { out, usage, done, counted: events.countedTokens() };
}

describe('a stream of events', () => {
  const whole = [ROLE, word('one'), word(' two, \u00e9\u20ac\u{1F9FF}'), USAGE, DONE];
  const reported = { inputTokens: 7, outputTokens: 3, cachedInputTokens: 2, reasoningTokens: 0 };

  it('passes to the byte for who asked for usage', () => {
    expect(run(true, whole)).toMatchObject({ out: whole.join(''), usage: reported, done: true });
  });
  it('loses the usage chunk, and only that, for who did not ask', () => {
    expect(run(false, whole)).toMatchObject({ out: ROLE + word('one') + word(' two, \u00e9\u20ac\u{1F9FF}') + DONE, usage: reported, done: true });
  });
  it('reads the same wherever the network cuts it', () => {
    const bytes = Buffer.from(whole.join(''));
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(run(false, [bytes.subarray(0, cut), bytes.subarray(cut)])).toMatchObject({ out: ROLE + word('one') + word(' two, \u00e9\u20ac\u{1F9FF}') + DONE, usage: reported, done: true });
    }
  });
  it('reads usage off a chunk that has choices too, and keeps that chunk', () => {
    const mixed = event({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 2 } });
    expect(run(false, [ROLE, mixed, DONE])).toMatchObject({ out: ROLE + mixed + DONE, usage: { inputTokens: 1, outputTokens: 2 } });
  });
  it('is not fooled by text that looks like usage', () => {
    const text = word('"usage":{"prompt_tokens":1,"completion_tokens":1}');
    expect(run(false, [ROLE, text, DONE])).toMatchObject({ out: ROLE + text + DONE, usage: null });
  });
  it('finds usage before an event whose whole text is the name of its field', () => {
    const text = word('completion_tokens');
    expect(run(false, [ROLE + USAGE + text + DONE])).toMatchObject({ out: ROLE + text + DONE, usage: reported });
    expect(run(false, [text + DONE])).toMatchObject({ out: text + DONE, usage: null });
  });
  it('understands lines that end in CR LF', () => {
    const crlf = whole.map((text) => text.replaceAll('\n', '\r\n'));
    expect(run(false, crlf)).toMatchObject({ usage: reported, done: true });
  });
  it('lets the last report win, and does not end at an early one', () => {
    const early = event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 0 } });
    expect(run(false, [early, ROLE, word('one'), USAGE, DONE])).toMatchObject({ out: ROLE + word('one') + DONE, usage: reported, done: true });
    expect(run(false, [early, ROLE, word('one')])).toMatchObject({ done: false });
  });
  it('counts no comment that keeps the connection alive, and measures no event by one', () => {
    const words = Array.from({ length: 20 }, (_, i) => word(` w${i}`));
    const { counted } = run(false, [ROLE, ...words]);
    expect(run(false, [': PROCESSING\n\n', ROLE, ...words]).counted).toBe(counted);
    expect(run(false, [...Array.from({ length: 200 }, () => ': ping\n\n'), ROLE, ...words]).counted).toBe(counted);
  });
  it('counts at least a token for each event of text', () => {
    expect(run(false, [ROLE, word('a'), word('b'), word('c')]).counted).toBe(3);
    const asked = new StreamEvents(false);
    for (const [at, text] of [ROLE, word('a'), word('b'), word('c')].entries()) {
      asked.take(Buffer.from(text));
      expect(asked.countedTokens()).toBe(at);
    }
    const many = Array.from({ length: 2_000 }, (_, at) => word(String(at % 10)));
    expect(run(false, [ROLE, ...many]).counted).toBe(2_000);
    expect(run(false, [ROLE, word('x'.repeat(400))]).counted).toBeGreaterThanOrEqual(90);
  });
});
