import { describe, expect, it } from 'vitest';
import { routeOf, type Target } from '../choose-route/route-table.js';
import type { Routed } from '../exchange/exchange.js';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import { tokensOf } from '../../dialects/openai-chat/content-tokens.js';
import { closerBound } from './closer-bound.js';
import { amountOf } from './cost-bound.js';
import { tokenCount } from './token-count.js';

const price = {
  inputNanoUsdPerMillion: 1_000_000n,
  outputNanoUsdPerMillion: 1_000_000n,
  cachedInputNanoUsdPerMillion: null,
  maxOutputTokens: 500,
  tokenizer: 'o200k_base' as const,
};
const routeTo = (...prices: object[]) => routeOf('m', prices.map((each) => ({ price: each })) as unknown as Target[]);
const route = routeTo(price);
const exchangeOf = (content: string, of = route): Routed =>
  ({
    ask: openAiChat.read(Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] }))),
    route: of,
    translations: null,
  }) as unknown as Routed;
const amountFor = (contentTokensMax: number): bigint => amountOf(route, {}, { contentTokensMax, media: [] }, 10);
const bytesBound = ({ ask }: Routed): bigint => amountFor(ask.body.length);
const prose = 'The quick brown fox jumps over the lazy dog, and nobody knows why it would. '.repeat(50);

describe('the closer bound of a request near its cap', () => {
  it('is what the tokenizer of the model counts, well under the bytes', async () => {
    const exchange = exchangeOf(prose);
    const closer = await closerBound(exchange, 10, bytesBound(exchange) - 1n);
    // The text has fifty times about 18 tokens.
    expect(Number(closer)).toBeGreaterThan(50 * 17 + 64 + 10);
    expect(Number(closer)).toBeLessThan(exchange.ask.body.length / 2);
  });
  it('is none where a model that may answer names no tokenizer: nothing is guessed', async () => {
    const { tokenizer: _, ...unnamed } = price;
    for (const of of [routeTo(unnamed), routeTo(price, unnamed)]) {
      const exchange = exchangeOf(prose, of);
      expect(await closerBound(exchange, 10, bytesBound(exchange) - 1n)).toBeNull();
    }
  });
  it('is the larger of two counts where the models that may answer have two tokenizers', async () => {
    const both = exchangeOf('Հայաստան □ '.repeat(40), routeTo(price, { ...price, tokenizer: 'cl100k_base' }));
    const alone = await tokenCount('cl100k_base');
    expect(await closerBound(both, 10, bytesBound(both) - 1n)).toBe(amountFor(tokensOf(both.ask.body, alone)!));
  });
  it('is not worked out where it could not fit either', async () => {
    const exchange = exchangeOf(prose);
    expect(await closerBound(exchange, 10, amountFor(100))).toBeNull();
    expect(await closerBound(exchange, 10_000, 5_000n)).toBeNull();
    expect(await closerBound(exchangeOf('x'.repeat(70_000)), 10, 60_000n)).toBeNull();
  });
  it('takes what looks like a special token for text', async () => {
    const exchange = exchangeOf(`<|endoftext|> ${prose}`);
    expect(await closerBound(exchange, 10, amountFor(exchange.ask.body.length) - 1n)).not.toBeNull();
  });
  it('holds a long run for as many tokens as bytes', async () => {
    const spaces = exchangeOf(' '.repeat(60_000));
    // The tokenizer takes 8 s for this run as one word, which is 470 tokens.
    expect(await closerBound(spaces, 10, bytesBound(spaces))).toBeGreaterThanOrEqual(60_000n);
  });
  it('is none where the count does not fit', async () => {
    const dense = exchangeOf('\u{1F9FF}\u{12000}'.repeat(500));
    expect(await closerBound(dense, 10, amountFor(Math.ceil(dense.ask.body.length / 6)))).toBeNull();
  });
});

describe('the tokens of a body', () => {
  it('are those of all strings and numbers, names that repeat and values that a double cannot hold among them', async () => {
    const count = await tokenCount('o200k_base');
    const least = (json: string): number => tokensOf(Buffer.from(json), count)!;
    const long = 'all of these words count '.repeat(20);
    expect(least(`{"a":"${long}","a":"x"}`)).toBeGreaterThan(count(long));
    expect(least(`{"a":${'1'.repeat(300)}}`)).toBeGreaterThan(100);
    expect(least(`{"a":"${'\\u4e2d'.repeat(100)}"}`)).toBeGreaterThanOrEqual(count('中'.repeat(100)));
    expect(least('{"a" :"x", "b"\n: [true, null]}')).toBe(
      ['{', 'a', 'x', 'b', '[', 'true', 'null'].reduce((sum, text) => sum + count(text), 5 * 4),
    );
  });
  it('are at least those of a chat as its template renders it', async () => {
    const { encodeChat } = await import('gpt-tokenizer/model/gpt-4o');
    const count = await tokenCount('o200k_base');
    for (const content of ['', 'hi', prose, '<|im_start|>system', 'Հայաստան □'.repeat(30), '0123456789'.repeat(20)]) {
      const messages = ['system', 'user', 'assistant', 'user'].map(
        (role) => ({ role, content }) as { role: 'user'; content: string },
      );
      const body = Buffer.from(JSON.stringify({ messages }));
      expect(tokensOf(body, count)).toBeGreaterThanOrEqual(
        encodeChat(messages, 'gpt-4o', { disallowedSpecial: new Set() }).length,
      );
    }
  });
  it('are unknown where a string is none of JSON', async () => {
    expect(tokensOf(Buffer.from('{"a":"\\x"}'), await tokenCount('o200k_base'))).toBeNull();
  });
});
