import { describe, expect, it } from 'vitest';
import { routeOf, type Target } from '../choose-route/route-table.js';
import type { Exchange } from '../exchange.js';
import { closerBound } from './closer-bound.js';
import { amountOf } from './cost-bound.js';

const price = { inputNanoUsdPerMillion: 1_000_000n, outputNanoUsdPerMillion: 1_000_000n, cachedInputNanoUsdPerMillion: null, maxOutputTokens: 500 };
const route = routeOf('m', [{ price }] as unknown as Target[]);
const exchangeOf = (content: string): Exchange => ({ body: Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] })), route }) as unknown as Exchange;
const prose = 'The quick brown fox jumps over the lazy dog, and nobody knows why it would. '.repeat(50);

describe('the closer bound of a request near its cap', () => {
  it('is what a tokenizer counts, with a margin, well under the bytes', async () => {
    const exchange = exchangeOf(prose);
    const bytes = amountOf(route, exchange.body.length, 10);
    const closer = await closerBound(exchange, 10, bytes - 1n);
    // Fifty times some 18 tokens.
    expect(Number(closer)).toBeGreaterThan(50 * 17 + 64 + 10);
    expect(Number(closer)).toBeLessThan(exchange.body.length / 2);
  });
  it('is not worked out where it could not fit either', async () => {
    const exchange = exchangeOf(prose);
    expect(await closerBound(exchange, 10, amountOf(route, 100, 10))).toBeNull();
    expect(await closerBound(exchange, 10_000, 5_000n)).toBeNull();
    expect(await closerBound(exchangeOf('x'.repeat(70_000)), 10, 60_000n)).toBeNull();
  });
  it('takes what looks like a special token for text', async () => {
    const exchange = exchangeOf(`<|endoftext|> ${prose}`);
    expect(await closerBound(exchange, 10, amountOf(route, exchange.body.length, 10) - 1n)).not.toBeNull();
  });
  it('counts a long run in pieces: a piece at most saves what it saves alone', async () => {
    const spaces = exchangeOf(' '.repeat(60_000));
    const pieces = 60_000 / 256;
    // In one piece the run would be 470 tokens (and take the tokenizer 8 s).
    expect(Number(await closerBound(spaces, 10, amountOf(route, spaces.body.length, 10) - 1n))).toBeGreaterThan(pieces * 2);
  });
  it('is none where the count does not fit', async () => {
    const dense = exchangeOf('\u{1F9FF}\u{12000}'.repeat(500));
    expect(await closerBound(dense, 10, amountOf(route, Math.ceil(dense.body.length / 6), 10))).toBeNull();
  });
});
