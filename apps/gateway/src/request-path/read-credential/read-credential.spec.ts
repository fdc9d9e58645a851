import { describe, expect, it } from 'vitest';
import type { Exchange } from '../exchange/exchange.js';
import { readCredential } from './read-credential.js';

function read(headers: Record<string, string>): { refusal: string | undefined; credential: string | null } {
  const exchange = { request: { headers }, credential: null } as unknown as Exchange;
  const refusal = readCredential(exchange);
  return { refusal: refusal?.code, credential: exchange.credential };
}

describe('the credential of a request', () => {
  it.each<[string, Record<string, string>, string]>([
    ['a bearer', { authorization: 'Bearer sk-a' }, 'sk-a'],
    ['a bearer in another case', { authorization: 'bearer sk-a' }, 'sk-a'],
    ['a bearer with spaces', { authorization: 'BEARER   sk-a  ' }, 'sk-a'],
    ['the key of an SDK of Anthropic', { 'x-api-key': 'sk-a' }, 'sk-a'],
    ['the key with spaces', { 'x-api-key': ' sk-a ' }, 'sk-a'],
    ['the bearer where both are there', { authorization: 'Bearer sk-a', 'x-api-key': 'sk-b' }, 'sk-a'],
    ['the key beside an empty Authorization', { authorization: '', 'x-api-key': 'sk-b' }, 'sk-b'],
    // If a client sends both headers, the first one counts: an unreadable one is an invalid key, not a missing one.
    ['nothing of the key beside another form', { authorization: 'Basic c2stYQ==', 'x-api-key': 'sk-b' }, ''],
    ['nothing of two bearers in one header', { authorization: 'Bearer sk-a, Bearer sk-b' }, ''],
    ['nothing of a bearer without a space', { authorization: 'Bearersk-a' }, ''],
    ['nothing of a bearer alone', { authorization: 'Bearer' }, ''],
    ['nothing of a secret alone', { authorization: 'sk-a' }, ''],
  ])('is %s', (_what, headers, credential) => {
    expect(read(headers)).toEqual({ refusal: undefined, credential });
  });

  it.each<[string, Record<string, string>]>([
    ['without headers', {}],
    ['with an empty key', { 'x-api-key': '' }],
    ['with both empty', { authorization: '', 'x-api-key': '' }],
    ['with a cookie', { cookie: 'key=sk-a' }],
  ])('is missing %s', (_what, headers) => {
    expect(read(headers)).toEqual({ refusal: 'missing_api_key', credential: null });
  });
});
