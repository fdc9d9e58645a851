import { describe, expect, it } from 'vitest';
import { routeOf, type Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { expectedTokens } from './expected-tokens.js';

const price = {
  inputNanoUsdPerMillion: 1n,
  outputNanoUsdPerMillion: 1n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
};
const targets = [{ price, model: 'behind' }] as unknown as Target[];

function expected(fields: object, tokensPerMinute: number | null = 1_000, model = 'asked', outputTokensMax = 500) {
  const body = Buffer.from(JSON.stringify({ model, messages: [], ...fields }));
  return expectedTokens({
    ask: Object.assign(openAiChat.read(body), { inputTokensEstimate: 17 }),
    route: { ...routeOf('a*', targets), outputTokensMax },
    key: { snapshot: { rateLimits: { tokensPerMinute } } },
  } as unknown as Routed);
}

describe('the tokens that a request is expected to use', () => {
  it('are none for a key without a limit on tokens', () => {
    expect(expected({}, null)).toEqual({ tokens: 0, openEnded: null });
  });
  it('are its input and the ceiling that it names, the larger one, times its choices', () => {
    expect(expected({ max_tokens: 7 })).toEqual({ tokens: 24, openEnded: null });
    expect(expected({ max_tokens: 7, max_completion_tokens: 9, n: 3 })).toEqual({ tokens: 44, openEnded: null });
  });
  it('are its input and the model’s ceiling, times its choices, where it names none', () => {
    for (const fields of [{}, { max_tokens: null }, { max_tokens: null, max_completion_tokens: null }]) {
      const openEnded = { inputTokens: 17, answersOf: 'asked' };
      expect(expected(fields), JSON.stringify(fields)).toEqual({ tokens: 517, openEnded });
    }
    expect(expected({ n: 3 })).toEqual({ tokens: 1_517, openEnded: { inputTokens: 17, answersOf: 'asked*3' } });
  });
  it('stay a number that can be counted with, whatever it asks for', () => {
    const { tokens, openEnded } = expected({ n: 128 }, 1_000, '🙂|,;='.repeat(30), 9_000_000);
    expect(tokens).toBe(10_000_017);
    expect(openEnded?.answersOf).toMatch(/^~[\w-]{22}\*128$/);
  });
});
