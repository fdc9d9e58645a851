import { describe, expect, it } from 'vitest';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import type { Ask, UpstreamCall } from '../ask.js';
import { STEP_BYTES } from '../request-scan/body-scan.js';
import { anthropicCountTokens } from './anthropic-count-tokens.js';

const BASE = { model: 'claude-opus-4-8', messages: [{ role: 'user', content: 'hi' }] };
const target = (model = 'gpt-4o', price: object = {}) => ({ model, price }) as unknown as Target;

async function ask(fields: object): Promise<Ask> {
  const made = await anthropicCountTokens.read(Buffer.from(JSON.stringify({ ...BASE, ...fields })));
  if (isRefusal(made)) throw new Error(JSON.stringify(made));
  return made;
}
async function count(fields: object, at = target()): Promise<number> {
  const body = await anthropicCountTokens.answerHere!(await ask(fields), at);
  return (JSON.parse(body.toString()) as { input_tokens: number }).input_tokens;
}
const content = (...blocks: object[]) => ({ messages: [{ role: 'user', content: blocks }] });
const words = 'The quick brown fox jumps over the lazy dog. '.repeat(20);

describe('a count of tokens', () => {
  it('needs no ceiling, and costs nothing', async () => {
    expect(await ask({})).toMatchObject({ isFree: true, inputTokensEstimate: 0, namedOutputTokens: 0, choices: 0 });
  });
  it('is sent as it came, but for the model', async () => {
    const made = await ask({ tools: [] });
    const sent = made.bodyFor({ model: 'claude-x' } as never, {} as UpstreamCall).toString();
    expect(JSON.parse(sent)).toEqual({ ...BASE, tools: [], model: 'claude-x' });
  });
  it.each([
    ['{"messages":[]}', 'model'],
    ['{"model":"a","model":"b"}', 'model'],
    [
      '{"model":"a","messages":[{"content":[{"type":"document","source":{"file_id":"f"}}]}]}',
      'messages[0].content[0].source.file_id',
    ],
  ])('is refused where it is malformed: %s', async (body, param) => {
    expect(await anthropicCountTokens.read(Buffer.from(body))).toMatchObject({ code: 'invalid_request', param });
  });
  it('reports no usage to charge, whatever it counts', () => {
    const reply = anthropicCountTokens.readReply(Buffer.from('{"input_tokens":2095}'), null);
    expect(reply).toMatchObject({
      kind: 'answer',
      report: { inputTokens: 0, outputTokens: 0 },
      countedOutputTokens: 0,
    });
  });
  it.each([
    ['{"type":"error","error":{"type":"overloaded_error","message":"x"}}', 503],
    ['{"error":{"code":429}}', 429],
    ['{"input_tokens":"many"}', 502],
    ['<html>', 502],
    ['[]', 502],
  ])('is none in a reply that has none: %s', (body, status) => {
    expect(anthropicCountTokens.readReply(Buffer.from(body), null)).toMatchObject({
      kind: 'no_answer',
      error: { status },
    });
  });
});

// LiteLLM PR 38657, 9router #2337: counts left out tools, the system prompt and results, and failed at an image.
describe('a count of our own', () => {
  it('has the messages, the system prompt, the tools, calls and results', async () => {
    const base = await count({});
    const more: readonly object[] = [
      content({ type: 'text', text: words }),
      { system: words },
      { system: [{ type: 'text', text: words }] },
      { tools: [{ name: 'f', description: words, input_schema: { type: 'object' } }] },
      content({ type: 'tool_use', id: 't', name: 'f', input: { a: words } }),
      content({ type: 'tool_result', tool_use_id: 't', content: words }),
      content({ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: words }] }),
      content({ type: 'thinking', thinking: words, signature: 's' }),
      content({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: words } }),
      content({ type: 'document', source: { type: 'content', content: [{ type: 'text', text: words }] } }),
    ];
    for (const fields of more) {
      const tokens = (await count(fields)) - base;
      expect(tokens, JSON.stringify(fields).slice(0, 60)).toBeGreaterThan(180);
      expect(tokens).toBeLessThan(700);
    }
  });
  it('has images by the documented figures of the model, not by their base64', async () => {
    const header = Buffer.from(
      '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x18\0\0\x01\x18\x01\0\0\0\0\0\0\0\0\0\0\0\x09IDAT',
      'latin1',
    );
    const data = Buffer.concat([header, Buffer.alloc(100_000)]).toString('base64');
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data } };
    const result = { type: 'tool_result', tool_use_id: 't', content: [image] };
    const empty = await count(content());
    expect((await count(content(image), target('claude-opus-4-8'))) - empty).toBe(100);
    expect((await count(content(result), target('claude-opus-4-8'))) - empty).toBe(100);
    expect((await count(content(image), target('gpt-4o'))) - empty).toBe(765);
    const address = { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } };
    expect((await count(content(address))) - empty).toBe(1_100);
  });
  it('is by the tokenizer of the model, where its price entry names one', async () => {
    const exact = await count(content({ type: 'text', text: words }), target('gpt-4o', { tokenizer: 'o200k_base' }));
    // Twenty times ten tokens and a mark.
    expect(exact).toBeGreaterThanOrEqual(200);
    expect(exact).toBeLessThan(215);
  });
  it.each([
    ['a long text', { system: words.repeat(500) }, 100_000],
    ['many short texts', content(...Array.from({ length: 9_000 }, () => ({ type: 'text', text: 'hi there' }))), 45_000],
    ['one word', { system: 'x'.repeat(450_000) }, 450_000],
  ])('leaves turns to others while it counts %s', async (_what, fields, about) => {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    const made = await ask(fields);
    setImmediate(turn);
    const body = await anthropicCountTokens.answerHere!(made, target('gpt-4o', { tokenizer: 'o200k_base' }));
    isOver = true;
    const { input_tokens: tokens } = JSON.parse(body.toString()) as { input_tokens: number };
    expect(Math.abs(tokens - about) / about).toBeLessThan(0.15);
    expect(turns).toBeGreaterThan(10);
  });
  it('is an estimate of a body that is too large to be parsed', async () => {
    const large = await count({ system: 'word '.repeat(STEP_BYTES) });
    expect(large).toBeGreaterThan(STEP_BYTES);
    expect(large).toBeLessThan(STEP_BYTES * 1.5);
  });
});
