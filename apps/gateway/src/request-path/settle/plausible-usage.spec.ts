import { costOf } from '@tollgate/pricing';
import { NO_DETAILS, usageClasses, type TokenUsage } from '@tollgate/usage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Target } from '../choose-route/route-table.js';
import { isRefusal } from '../exchange/refusal.js';
import { ChatAsk } from '../../dialects/openai-chat/chat-ask.js';
import { scanBody, type ChatFields } from '../../dialects/openai-chat/chat-fields.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { plausibleUsage } from './plausible-usage.js';

const price = {
  inputNanoUsdPerMillion: 2_000_000n,
  outputNanoUsdPerMillion: 5_000_000n,
  cachedInputNanoUsdPerMillion: 1_000_000n,
  maxOutputTokens: 500,
  contextTokens: 100_000,
};
const usageOf = (inputTokens: number, outputTokens: number, cachedInputTokens = 0, reasoningTokens = 0) => ({
  inputTokens,
  outputTokens,
  cachedInputTokens,
  reasoningTokens,
});
const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });
const image = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };

function judged(body: object, usage: TokenUsage, model = 'm') {
  const bytes = Buffer.from(JSON.stringify({ model, messages: [], ...body }));
  const head = { fields: scanBody(bytes) as ChatFields, model, stream: false, asksUsage: false, showUsage: false };
  return plausibleUsage({ ask: new ChatAsk(openAiChat, bytes, head, 0) }, { model, price } as unknown as Target, usage);
}
const owedInput = (body: object, reported: number, model?: string) =>
  judged(body, usageOf(reported, 0), model).owed.inputTokens;
const owedOutput = (body: object, reported: number) => judged(body, usageOf(0, reported)).owed.outputTokens;

describe('the input that a request can have used', () => {
  it('is a token for each byte of its body, and 16,384 where that is less', () => {
    expect(owedInput(user('hi'), 16_384)).toBe(16_384);
    expect(owedInput(user('hi'), 16_385)).toBe(16_384);
    expect(owedInput(user('hi'), 1_000_000_000)).toBe(16_384);
    const long = user('x'.repeat(40_000));
    const bytes = JSON.stringify({ model: 'm', ...long }).length;
    expect(owedInput(long, bytes)).toBe(bytes);
    expect(owedInput(long, 1_000_000_000)).toBe(bytes + 64);
  });
  it('stays that with all that stands in the body itself', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const answered = { role: 'assistant', content: null, tool_calls: [call], audio: null };
    for (const body of [
      user([{ type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } }]),
      user([]),
      user(['hi']),
      user(null),
      {},
      user('see https://example.com/a.png, "image_url" and {"type":"file"}'),
      { messages: [answered, { role: 'tool', tool_call_id: 'c', content: 'r' }] },
      { ...user('hi'), tools: [{ type: 'function', function: { name: 'f', parameters: { url: { type: 'u' } } } }] },
      { ...user('hi'), temperature: 0, stop: ['a'], response_format: { type: 'json_object' }, plugins: null },
    ])
      expect(owedInput(body, 50_000), JSON.stringify(body)).toBe(16_384);
  });
  it.each<[string, object]>([
    ['an image', user([image])],
    ['an image in the body', user([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }])],
    ['a file by its id', user([{ type: 'file', file: { file_id: 'file-1' } }])],
    ['audio', user([{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }])],
    ['a part that nobody knows yet', user([{ type: 'hologram', hologram: 'h' }])],
    ['a part without a type', user([{ url: 'https://example.com' }])],
    ['text with something beside it', user([{ type: 'text', text: 'hi', file_id: 'file-1' }])],
    ['a part that is alone', user(image)],
    ['an earlier answer in audio', { messages: [{ role: 'assistant', audio: { id: 'audio-1' } }] }],
    ['a list in a list', user([[image]])],
    ['images beside the text', { messages: [{ role: 'user', content: 'hi', images: ['AAAA'] }] }],
    ['messages that are no list', { messages: { content: 'hi' } }],
    ['a search', { ...user('hi'), web_search_options: {} }],
    ['a tool of the provider', { ...user('hi'), tools: [{ type: 'web_search' }] }],
    ['a plugin', { ...user('hi'), plugins: [{ id: 'web' }] }],
    ['a field that nobody knows yet', { ...user('hi'), documents_by_id: ['d'] }],
  ])('is the model’s context with %s', (_what, body) => {
    expect(owedInput(body, 50_000)).toBe(50_000);
    expect(owedInput(body, 1_000_000_000)).toBe(100_000);
  });
  it('is the model’s context where the model looks things up by itself', () => {
    const models = ['sonar-pro', 'gpt-4o-search-preview', 'o3-deep-research', 'org/model:online', 'groq/compound'];
    for (const model of models) {
      expect(owedInput(user('hi'), 50_000, model), model).toBe(50_000);
    }
  });
  it('is never less than the body, however small the context is', () => {
    expect(owedInput(user([image, { type: 'text', text: 'x'.repeat(150_000) }]), 1e9)).toBeGreaterThan(150_000);
  });
  it('is the model’s context for a body too large to be read again', () => {
    expect(judged({ ...user('x'.repeat(1_100_000)) }, usageOf(1_050_000, 0)).owed.inputTokens).toBe(1_050_000);
  });
});

describe('the output that a request can have used', () => {
  it('is ten times the model’s longest answer, for each choice', () => {
    expect(owedOutput({}, 5_000)).toBe(5_000);
    expect(owedOutput({}, 1_000_000_000)).toBe(5_000);
    expect(owedOutput({ n: 3 }, 1_000_000_000)).toBe(15_000);
    for (const max_tokens of [null, 0, -1, '100', 1e400]) {
      expect(owedOutput({ max_tokens }, 1_000_000_000), String(max_tokens)).toBe(5_000);
    }
    expect(owedOutput({ n: Number.MAX_SAFE_INTEGER }, 1_000_000_000)).toBe(10_000_000);
  });
  it('is owed up to the ceiling that was named, for each choice, and believed beyond it', () => {
    for (const [body, owed, believed] of [
      [{ max_tokens: 7 }, 7, 5_000],
      [{ max_completion_tokens: 9, max_tokens: 7, n: 2 }, 18, 10_000],
      [{ max_tokens: 8_000 }, 8_000, 8_000],
    ] as const) {
      const judgement = judged(body, usageOf(3, 1_000_000_000, 0, 999_999_999));
      expect(judgement.owed).toEqual(usageOf(3, owed, 0, owed));
      expect(judgement.believed).toEqual(usageOf(3, believed, 0, believed));
    }
  });
});

describe('what a customer owes without a hold', () => {
  it('has parts that fit where a side is cut, and passes and calls that a call can have', () => {
    const details = {
      ...NO_DETAILS,
      cacheWrite1hTokens: 10_000,
      cacheWrite5mTokens: 10_000,
      toolCalls: { web_search: 1_000_000, file_search: 3 },
      passes: [{ kind: 'compaction', model: null, usage: usageOf(1_000_000_000, 1_000_000_000, 200_000) }],
    };
    const { owed } = judged(user('hi'), { ...usageOf(50_000, 10, 4_000), details });
    expect(owed.inputTokens).toBe(16_384);
    expect(usageClasses(owed)).toMatchObject({
      textInputTokens: 0,
      cachedTextTokens: 4_000,
      cacheWrite1hTokens: 10_000,
      cacheWrite5mTokens: 2_384,
    });
    expect(owed.details).toMatchObject({
      toolCalls: { web_search: 1_000, file_search: 3 },
      passes: [{ kind: 'compaction', model: null, usage: usageOf(100_000, 5_000, 100_000) }],
    });
  });
  it('is the report itself, the same object, where that is plausible', () => {
    const usage = usageOf(1_000, 500, 900, 300);
    expect(judged(user('hi'), usage).owed).toBe(usage);
    expect(judged(user('hi'), usage).believed).toBe(usage);
  });
  it('is never more than the report, nor than what is plausible, and its parts fit', () => {
    const tokens = fc.oneof(fc.nat(20_000), fc.nat(1_000_000_000));
    const fields = fc.record(
      { max_tokens: fc.oneof(fc.nat(10_000), fc.jsonValue()), n: fc.oneof(fc.nat(9), fc.jsonValue()) },
      { requiredKeys: [] },
    );
    const content = fc.oneof(fc.string({ maxLength: 30_000 }), fc.jsonValue(), fc.constant([image]));
    fc.assert(
      fc.property(tokens, tokens, tokens, tokens, fields, content, (input, output, cached, reasoning, body, text) => {
        const usage = usageOf(input, output, Math.min(cached, input), Math.min(reasoning, output));
        const asked = { ...user(text), ...body };
        // A refused body is never sent, so no usage is reported for it.
        fc.pre(!isRefusal(openAiChat.read(Buffer.from(JSON.stringify({ model: 'm', ...asked })))));
        const { believed, owed } = judged(asked, usage);
        const bytes = JSON.stringify({ model: 'm', ...asked }).length * 3;
        for (const some of [believed, owed]) {
          expect(costOf(price, some) <= costOf(price, usage)).toBe(true);
          expect(some.inputTokens).toBeLessThanOrEqual(Math.max(bytes + 64, 100_000));
          expect(some.outputTokens).toBeLessThanOrEqual(10_000_000);
          expect(some.cachedInputTokens).toBeLessThanOrEqual(some.inputTokens);
          expect(some.reasoningTokens).toBeLessThanOrEqual(some.outputTokens);
        }
        expect(owed.outputTokens).toBeLessThanOrEqual(believed.outputTokens);
      }),
    );
  });
});
