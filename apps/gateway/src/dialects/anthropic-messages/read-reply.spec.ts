import { describe, expect, it } from 'vitest';
import { readReply } from './read-reply.js';

const message = (fields: object = {}) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-4-8',
  content: [{ type: 'text', text: 'hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, output_tokens: 5 },
  ...fields,
});
const read = (value: unknown) => readReply(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const sides = (value: unknown) => {
  const reply = read(value);
  if (reply.kind !== 'answer') return reply;
  const { report } = reply;
  return report && [report.inputTokens, report.outputTokens, report.cachedInputTokens];
};

describe('a plain reply of Messages', () => {
  it('is an answer with its report', () => {
    expect(read(message())).toMatchObject({ kind: 'answer', countedOutputTokens: 0 });
    expect(sides(message())).toEqual([10, 5, 0]);
    expect(sides(JSON.stringify(message(), null, 2))).toEqual([10, 5, 0]);
    const { usage, ...rest } = message();
    expect(sides({ usage, ...rest })).toEqual([10, 5, 0]);
  });
  it('has cached input beside the rest of it', () => {
    const usage = {
      input_tokens: 3,
      cache_creation_input_tokens: 12_304,
      cache_read_input_tokens: 100,
      output_tokens: 7,
    };
    expect(sides(message({ usage }))).toEqual([12_407, 7, 100]);
  });
  it('is not fooled by a call that has a usage, an error or a type in its input', () => {
    const input = { usage: { input_tokens: 1, output_tokens: 1 }, error: { code: 429 }, type: 'error', content: 'x' };
    const call = { type: 'tool_use', id: 't', name: 'f', input };
    expect(sides(message({ content: [call] }))).toEqual([10, 5, 0]);
    // Also where the report comes first.
    expect(sides({ usage: { input_tokens: 10, output_tokens: 5 }, type: 'message', content: [call] })).toEqual([
      10, 5, 0,
    ]);
  });
  it('is counted where it reports nothing', () => {
    const words = 'word '.repeat(100);
    for (const usage of [undefined, null, {}, { input_tokens: 0, output_tokens: 0 }, 'many']) {
      const reply = read(message({ usage, content: [{ type: 'text', text: words }] }));
      expect(reply).toMatchObject({ kind: 'answer' });
      expect(reply.kind === 'answer' && reply.countedOutputTokens).toBeGreaterThan(90);
    }
    const thinking = read(
      message({ usage: null, content: [{ type: 'thinking', thinking: words, signature: 's'.repeat(5_000) }] }),
    );
    expect(thinking.kind === 'answer' && thinking.countedOutputTokens).toBeLessThan(300);
  });
  it('may have no content, where it gives a reason', () => {
    expect(read(message({ content: [] }))).toMatchObject({ kind: 'answer' });
    expect(read(message({ content: [], stop_reason: 'pause_turn' }))).toMatchObject({ kind: 'answer' });
  });
  it.each<[string, unknown, object]>([
    [
      'an error with a status of success',
      { type: 'error', error: { type: 'overloaded_error', message: 'x' } },
      { status: 503, why: 'error' },
    ],
    ['a limit', { type: 'error', error: { type: 'rate_limit_error', message: 'x' } }, { status: 429, why: 'error' }],
    [
      'an error beside an answer',
      message({ error: { type: 'api_error', message: 'x' } }),
      { status: 502, why: 'error' },
    ],
    ['a page', '<!doctype html>', { status: 502, why: 'no_answer' }],
    ['nothing', '', { status: 502, why: 'no_answer' }],
    ['null', null, { status: 502, why: 'no_answer' }],
    ['a list', [message()], { status: 502, why: 'no_answer' }],
    ['a chat completion', { object: 'chat.completion', choices: [{}] }, { status: 502, why: 'no_answer' }],
    ['content that is text', message({ content: 'hello' }), { status: 502, why: 'no_answer' }],
    ['half a reply', JSON.stringify(message()).slice(0, -5), { status: 502, why: 'no_answer' }],
    ['two replies', JSON.stringify(message()).repeat(2), { status: 502, why: 'no_answer' }],
  ])('is no answer: %s', (_what, value, error) => expect(read(value)).toMatchObject({ kind: 'no_answer', error }));
});
