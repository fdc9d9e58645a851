import { describe, expect, it } from 'vitest';
import { InjectedFields, NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { isRefusal } from '../../request-path/exchange/refusal.js';
import { openAiChat } from './openai-chat.js';
import { StreamEvents } from './stream-events.js';

const signed = (signature: string): string => `"extra_content":{"google":{"thought_signature":"${signature}"}}`;
const call = (id: string, more = ''): string =>
  `{${more}"function":{"arguments":"{\\"city\\":\\"Bonn\\"}","name":"weather"},"id":"${id}","type":"function"}`;
const CALLS = `"tool_calls":[${call('function-call-1', `${signed('Eo4GCosG===')},`)}, ${call('function-call-2')}]`;

describe('signatures of Gemini in its own dialect', () => {
  it('reach the provider to the byte, whoever asks', async () => {
    const body = `{"model":"gemini-3.1-pro","max_tokens":50,"messages":[{"role":"user","content":"hi"},
      {"role":"assistant","content":"I look.",${signed('AbC+/==')}, ${CALLS}},
      {"role":"tool","tool_call_id":"function-call-1","content":"fine"},
      {"role":"tool","tool_call_id":"function-call-2","content":"rain"}]}`;
    const ask = await openAiChat.read(Buffer.from(body));
    if (isRefusal(ask)) throw new Error(ask.code);
    expect([ask.others, isRefusal(ask.limits())]).toEqual([[], false]);
    const target = {
      model: 'gemini-3.1-pro',
      provider: { injectedFields: new InjectedFields({ ceilingField: 'max_tokens', streamOptions: true }) },
    } as unknown as Target;
    const sent = ask.bodyFor(target, {
      holdNanoUsd: 1n,
      injectedMaxTokens: null,
      ceilingLeftOut: false,
      fieldNames: null,
      injected: NOTHING_INJECTED,
    });
    expect(sent.toString()).toBe(body);
  });

  it('reach the client to the byte, and count as no text', () => {
    const chunk = (delta: string, finish = 'null'): string =>
      `data: {"choices":[{"delta":{"role":"assistant",${delta}},"finish_reason":${finish},"index":0}],"model":"g","object":"chat.completion.chunk"}\n\n`;
    const stream = (extra: (signature: string) => string): string =>
      [
        chunk('"content":"I look."'),
        chunk(`${extra('AbC+/==')}"content":""`),
        chunk(`"tool_calls":[${call('1', extra('A'.repeat(4_000)))}]`),
        chunk(`"tool_calls":[${call('2')}]`, '"stop"'),
        'data: [DONE]\n\n',
      ].join('');
    const countOf = (text: string): number => {
      const events = new StreamEvents(true);
      const part = events.take(Buffer.from(text));
      expect(part.events + part.tail).toBe(text);
      return events.countedTokens();
    };
    expect(countOf(stream((signature) => `${signed(signature)},`))).toBe(countOf(stream(() => '')));
  });

  it('stay in a plain reply', () => {
    const body = Buffer.from(
      `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant",${CALLS}},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}}`,
    );
    const reply = openAiChat.readReply(body, null);
    expect(reply).toMatchObject({ kind: 'answer', report: { outputTokens: 9 } });
    expect(reply).not.toHaveProperty('body');
  });
});
