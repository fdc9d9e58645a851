import { ERRORS, type ErrorCode } from '@tollgate/errors';
import { describe, expect, it } from 'vitest';
import { OPENAI_ERRORS, openAiErrorBody } from './errors.js';

describe("the body of an error in OpenAI's shape", () => {
  it('has all four members', () => {
    expect(openAiErrorBody('invalid_api_key', null, null)).toEqual({
      error: {
        message: 'The API key is not valid.',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
    expect(openAiErrorBody('invalid_request', 'max_tokens must be at least 1.', 'max_tokens').error).toMatchObject({
      message: 'max_tokens must be at least 1.',
      param: 'max_tokens',
    });
  });
  it('blames the server for what is 5xx, and for nothing else', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const { type } = openAiErrorBody(code, null, null).error;
      expect([code, type === 'server_error']).toEqual([code, ERRORS[code].status >= 500]);
    }
  });
  it.each([
    ['missing_api_key', 'invalid_request_error'],
    ['model_access_denied', 'permission_error'],
    ['model_not_found', 'invalid_request_error'],
    ['request_timeout', 'invalid_request_error'],
    ['quota_exceeded', 'insufficient_quota'],
    ['rate_limit_exceeded', 'rate_limit_error'],
    ['provider_overloaded', 'rate_limit_error'],
    ['internal_error', 'server_error'],
  ] as const)('has a type that SDKs know: %s', (code, type) => {
    expect(openAiErrorBody(code, null, null).error.type).toBe(type);
  });
  it('is an event of data in the middle of a stream', () => {
    const event = OPENAI_ERRORS.event('provider_failed', { requestId: 'req', model: 'm', createdSeconds: 1 });
    expect(event).toMatch(/^data: \{[^\n]*\}\n\n$/);
    expect(JSON.parse(event.slice('data: '.length))).toEqual(openAiErrorBody('provider_failed', null, null));
  });
});
