import type { IncomingMessage, ServerResponse } from 'node:http';
import { createLogger } from '@tollgate/telemetry';
import { describe, expect, it } from 'vitest';
import type { Target } from '../choose-route/route-table.js';
import { OPENAI_ERRORS } from '../../dialects/openai/errors.js';
import { Exchange } from './exchange.js';
import { refuse } from './refusal.js';
import { RequestLog } from './request-log.js';

const target = { model: 'gpt-4o-mini', provider: { name: 'openai', credential: 'provider-credential-1234' } } as Target;

function logged(say: (log: RequestLog, exchange: Exchange) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  // The default log level of the standalone.
  const logger = createLogger({
    service: 'gateway',
    level: 'warn',
    destination: { write: (line) => void lines.push(line) },
  });
  const exchange = new Exchange({ socket: {} } as IncomingMessage, {} as ServerResponse, OPENAI_ERRORS);
  exchange.key = { snapshot: { apiKeyId: 'key-1' } } as Exchange['key'];
  say(new RequestLog(logger), exchange);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log of requests', () => {
  it('has a line for each refusal, with request, key, code and reason', () => {
    const [line, ...more] = logged((log, exchange) =>
      log.refused(exchange, refuse('quota_exceeded', { message: 'The credit limit of the API key has 0 USD left.' })),
    );
    expect(more).toEqual([]);
    expect(line).toMatchObject({
      level: 'warn',
      requestId: expect.any(String),
      apiKeyId: 'key-1',
      code: 'quota_exceeded',
      reason: 'The credit limit of the API key has 0 USD left.',
      message: 'a request was refused',
    });
  });
  it('has one too where no key is known', () => {
    const [line] = logged((log, exchange) => {
      exchange.key = null;
      log.refused(exchange, refuse('invalid_api_key'));
    });
    expect(line).toMatchObject({ code: 'invalid_api_key' });
    expect(line).not.toHaveProperty('apiKeyId');
  });
  it.each([
    ['provider_failed', { status: 500, why: 'error' }, 'a provider answered with an error'],
    ['provider_failed', { status: 401, why: 'error' }, 'a provider answered with an error'],
    ['provider_failed', { status: 502, why: 'no_answer' }, 'the reply of a provider is no answer'],
    ['provider_unreachable', { error: new Error('connect ECONNREFUSED') }, 'a provider could not be reached'],
    ['provider_failed', { error: new Error('other side closed') }, 'a provider broke off before its answer'],
    ['provider_timeout', {}, 'a provider did not answer in time'],
  ])('says of %s with %j what the provider did', (code, failure, message) => {
    const [line] = logged((log, exchange) => log.attemptFailed(exchange, target, code, failure));
    expect(line).toMatchObject({ code, provider: 'openai', model: 'gpt-4o-mini', message });
  });
  it("keeps a provider's words, without credentials", () => {
    const words = Buffer.from('{"error":{"message":"Incorrect API key provided: provider-credential-1234"}}');
    const [line] = logged((log, exchange) =>
      log.attemptFailed(exchange, target, 'provider_failed', { status: 401, why: 'error', words }),
    );
    expect(line!['words']).toBe('{"error":{"message":"Incorrect API key provided: [hidden]"}}');
  });
  it('says why a stream broke off', () => {
    const lines = logged((log, exchange) => {
      log.streamBroken(exchange, target, 'timed_out');
      log.streamBroken(exchange, target, new Error('other side closed'));
      log.streamBroken(exchange, target, { status: 500, why: 'error', data: '{"error":"gone"}' });
    });
    expect(lines).toMatchObject([
      { reason: 'timed_out' },
      { reason: 'other side closed' },
      { status: 500, words: '{"error":"gone"}' },
    ]);
    for (const line of lines)
      expect(line).toMatchObject({ code: 'provider_interrupted', message: 'a stream broke off' });
  });
  it('tells a loss in nano-USD, with what was reported, and whether a hold or the plausible bounds it', () => {
    const usage = { inputTokens: 5, outputTokens: 1e9, cachedInputTokens: 0, reasoningTokens: 0 };
    const lines = logged((log, exchange) => {
      exchange.holdNanoUsd = 7n;
      log.loss(exchange, target, 39_000n, usage, false);
      exchange.holdNanoUsd = null;
      log.loss(exchange, target, 39_000n, usage, false);
      log.loss(exchange, target, 39_000n, usage, true);
    });
    const told = { code: 'platform_loss', lossNanoUsd: '39000', inputTokens: 5, outputTokens: 1e9 };
    expect(lines).toMatchObject([
      { ...told, message: 'a call cost more than was held for it' },
      { ...told, message: 'a provider reported more than the call can have used' },
      { ...told, message: 'a provider reported usage of an attempt that gave no answer' },
    ]);
  });
  it('is sampled where one key is refused without end', () => {
    const lines = logged((log, exchange) => {
      for (let n = 0; n < 10_000; n++) log.refused(exchange, refuse('rate_limit_exceeded'));
    });
    expect(lines.length).toBeGreaterThanOrEqual(20);
    expect(lines.length).toBeLessThan(100);
  });
});
