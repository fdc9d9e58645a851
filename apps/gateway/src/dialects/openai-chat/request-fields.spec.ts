import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { Ask } from '../ask.js';
import { openAiChat } from './openai-chat.js';
import { REQUEST_FIELDS } from './request-fields.js';

describe('the table of request fields', () => {
  const names = REQUEST_FIELDS.map(({ name }) => name);
  it('has each field once, in lower case, with a reason', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const { name, why } of REQUEST_FIELDS) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(why).toMatch(/^[A-Z].*\.$/);
    }
  });
  it('has every field that OpenAI documents for chat completions', () => {
    // The package's main file is beside the folder of its types.
    const types = createRequire(import.meta.url)
      .resolve('openai')
      .replace(/index\.m?js$/, 'resources/chat/completions/completions.d.ts');
    const declared = /export interface ChatCompletionCreateParamsBase \{(.*?)\n\}/s.exec(
      readFileSync(types, 'utf8'),
    )![1]!;
    const documented = [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);
    expect(documented.length).toBeGreaterThan(30);
    expect(names).toEqual(expect.arrayContaining(documented));
  });
});

describe('how hard a model of chat thinks', () => {
  const ask = (fields: object): Ask =>
    openAiChat.read(Buffer.from(JSON.stringify({ model: 'm', messages: [], ...fields }))) as Ask;
  it.each<object>([
    { reasoning: { effort: 'high' } },
    { reasoning: { effort: 'high', exclude: true, enabled: true, summary: 'auto', max_tokens: null } },
    { reasoning: {} },
    { thinking: { type: 'disabled' } },
    { thinking: { type: 'disabled', budget_tokens: null } },
  ])('is within the ceiling where no budget is named: %j', (fields) => {
    expect(ask(fields).others).toEqual([]);
  });
  it.each<object>([
    { reasoning: { max_tokens: 2_000 } },
    { reasoning: { effort: 'high', max_tokens: 2_000 } },
    { reasoning: { effort: 9_000 } },
    { reasoning: { effort: 'x'.repeat(17) } },
    { reasoning: { exclude: 1 } },
    { reasoning: { budget: { tokens: 1 } } },
    { reasoning: ['high'] },
    { reasoning: 'high' },
    { thinking: { type: 'enabled' } },
    { thinking: { type: 'disabled', budget_tokens: 2_000 } },
    { thinking: { type: 'enabled', budget_tokens: 2_000 } },
    { thinking: { type: 'disabled', thinking_budget: 1 } },
    { thinking: true },
    { thinking: {} },
  ])('has no bound otherwise: %j', (fields) => {
    expect(ask(fields).others).toMatchObject([{ name: Object.keys(fields)[0], use: 'unbounded' }]);
  });
  it('is text where it stands in an answer of before', () => {
    const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }], closed: true };
    const messages = [{ role: 'assistant', content: [thinking, { type: 'text', text: 'a' }] }];
    expect(ask({ messages }).limits()).toMatchObject({ media: [] });
    const holding = [{ role: 'assistant', content: [{ ...thinking, image_url: { url: 'https://a' } }] }];
    expect(ask({ messages: holding }).limits()).toMatchObject({ code: 'unbounded_cost' });
  });
});
