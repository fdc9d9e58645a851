import { ERRORS, type ErrorCode } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { rateLimitHeaders } from '../../request-path/admit/rate-limit-headers.js';
import { errorsAt } from '../errors-at.js';
import { OPENAI_ERRORS } from '../openai/errors.js';
import { ANTHROPIC_ERRORS, anthropicErrorBody } from './errors.js';

describe("the body of an error in Anthropic's shape", () => {
  it('has the type that SDKs know, and the id of the request', () => {
    expect(anthropicErrorBody('invalid_api_key', null, 'req')).toEqual({
      type: 'error',
      error: { type: 'authentication_error', message: 'The API key is not valid.' },
      request_id: 'req',
    });
    const body = ANTHROPIC_ERRORS.body('invalid_request', 'max_tokens is required.', 'max_tokens', 'req');
    expect(JSON.parse(body.toString())).toMatchObject({ error: { message: 'max_tokens is required.' } });
  });
  it.each([
    ['missing_api_key', 'authentication_error'],
    ['quota_exceeded', 'billing_error'],
    ['model_access_denied', 'permission_error'],
    ['model_not_found', 'not_found_error'],
    ['body_too_large', 'request_too_large'],
    ['unbounded_cost', 'invalid_request_error'],
    ['rate_limit_exceeded', 'rate_limit_error'],
    ['provider_overloaded', 'rate_limit_error'],
    ['server_is_overloaded', 'overloaded_error'],
    ['context_length_exceeded', 'invalid_request_error'],
    ['provider_busy', 'overloaded_error'],
    ['provider_failed', 'api_error'],
    ['provider_timeout', 'timeout_error'],
    ['internal_error', 'api_error'],
  ] as const)('names %s by its status: %s', (code, type) => {
    expect(anthropicErrorBody(code, null, 'req').error.type).toBe(type);
  });
  it('blames the server for what is 5xx, and for nothing else', () => {
    const OF_SERVER = ['api_error', 'timeout_error', 'overloaded_error'];
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const { type } = anthropicErrorBody(code, null, 'req').error;
      expect([code, OF_SERVER.includes(type)]).toEqual([code, ERRORS[code].status >= 500]);
    }
  });
  it('has a status that clients of Anthropic know', () => {
    expect(ANTHROPIC_ERRORS.statusOf?.('server_is_overloaded')).toBe(529);
    expect(ANTHROPIC_ERRORS.statusOf?.('provider_busy')).toBeNull();
  });
  it('is an event of that name in the middle of a stream', () => {
    const event = ANTHROPIC_ERRORS.event('provider_failed', { requestId: 'req', model: 'm', createdSeconds: 1 });
    expect(event).toMatch(/^event: error\ndata: \{[^\n]*\}\n\n$/);
    expect(JSON.parse(event.slice(event.indexOf('{')))).toEqual(anthropicErrorBody('provider_failed', null, 'req'));
  });
  it('comes with the limits of the key in headers of its own, whose resets are points in time', () => {
    const rate = { requests: { limit: 10, remaining: 9, resetMs: 1_500 }, tokens: null };
    expect(rateLimitHeaders(rate as never, OPENAI_ERRORS)).toHaveLength(6);
    const headers = rateLimitHeaders(rate as never, ANTHROPIC_ERRORS);
    expect(headers).toHaveLength(12);
    expect(ANTHROPIC_ERRORS.rateLimitHeaders!(rate as never, Date.UTC(2026, 10, 29))).toEqual([
      'anthropic-ratelimit-requests-limit',
      '10',
      'anthropic-ratelimit-requests-remaining',
      '9',
      'anthropic-ratelimit-requests-reset',
      '2026-11-29T00:00:01.500Z',
    ]);
  });
  it('is what callers get who name a version of the API, or ask at one of its paths', () => {
    for (const path of ['/v1/messages', '/v1/messages/count_tokens', '/api/v1/messages?beta=true', '/messages/batches'])
      expect(errorsAt(path, {})).toBe(ANTHROPIC_ERRORS);
    expect(errorsAt('/v1/models', { 'anthropic-version': '2023-06-01' })).toBe(ANTHROPIC_ERRORS);
    for (const path of ['/v1/models', '/v1/chat/completions', '/v1/threads/t/messagesx'])
      expect(errorsAt(path, {})).toBe(OPENAI_ERRORS);
  });
});
