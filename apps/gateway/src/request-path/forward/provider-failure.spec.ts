import { expect, it } from 'vitest';
import { readProviderError } from '../../dialects/provider-error.js';
import { failureOf } from './provider-failure.js';

const codeOf = (status: number, error: object = {}): string | null => {
  const { kind } = readProviderError(status, Buffer.from(JSON.stringify({ error })));
  return failureOf(status, {}, kind)?.code ?? null;
};

it.each([
  [429, 'provider_overloaded'],
  [503, 'server_is_overloaded'],
  [529, 'server_is_overloaded'],
  [504, 'provider_timeout'],
  [408, 'provider_timeout'],
  [500, 'provider_failed'],
  [401, 'provider_failed'],
  [402, 'provider_failed'],
  [403, 'provider_failed'],
  [302, 'provider_failed'],
  [400, null],
  [404, null],
  [413, null],
  [422, null],
])('a provider that answers %i has failed so: %s', (status, code) => expect(codeOf(status)).toBe(code));

it('has failed if our account there has no credit left, whatever the status: no caller is to blame for that', () => {
  expect(codeOf(429, { type: 'insufficient_quota', code: 'insufficient_quota' })).toBe('provider_failed');
  const message = 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.';
  expect(codeOf(400, { type: 'invalid_request_error', message })).toBe('provider_failed');
});

it('has not failed if it forbids the content', () => {
  expect(codeOf(403, { code: 403, message: 'flagged', metadata: { reasons: ['violence'] } })).toBeNull();
});

it('passes on how long to wait', () => {
  const headers = { 'retry-after': '7', 'retry-after-ms': 'soon' };
  expect(failureOf(529, headers, null)?.headers).toEqual(['retry-after', '7']);
});
