import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../dialect-codec.js';
import type { ErrorKind } from './error-kind.js';
import { readError } from './read-error.js';

const kindIn = (document: JsonObject, status: number | null = null): ErrorKind | null =>
  readError(document, 'no words', status).error.kind;
const told = (message: string, fields: JsonObject = {}): JsonObject => ({ error: { message, ...fields } });

describe('the kind of an error', () => {
  it.each([
    'prompt is too long: 210118 tokens > 200000 maximum',
    'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length',
    "This model's maximum context length is 8192 tokens. However, you requested 8203 tokens",
    "Requested token count exceeds the model's maximum context length of 202752 tokens.",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
    'invalid params, context window exceeds limit (2013)',
    'Input is too long for requested model.',
    'request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it',
    'tokens to keep from the initial prompt is greater than the context length',
    "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
    'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).',
    'Please reduce the length of the messages or completion.',
    'Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
    'Your request exceeded model token limit: 128000 (requested: 130000)',
    'prompt too long; exceeded max context length by 12 tokens',
    '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]',
  ])('is told by its words: %s', (words) => {
    for (const status of [null, 400, 413, 422]) expect(kindIn(told(words), status)).toBe('context_length');
    // These statuses say of which trouble the words are.
    expect(kindIn(told(words), 429)).toBe('rate_limit');
    expect(kindIn(told(words, { code: 'rate_limit_exceeded' }), 413)).toBe('rate_limit');
  });

  it.each<[ErrorKind | null, JsonObject, number | null]>([
    ['context_length', told('x', { code: 'context_length_exceeded', type: 'invalid_request_error' }), 400],
    ['context_length', told('x', { code: 400, type: 'exceed_context_size_error' }), 400],
    ['context_length', { type: 'response.failed', response: { error: { code: 'context_length_exceeded' } } }, null],
    ['content_filter', told('x', { code: 'content_filter', status: 400 }), 400],
    ['content_filter', told('x', { code: 'bad', innererror: { code: 'ResponsibleAIPolicyViolation' } }), 400],
    ['content_filter', told('Output blocked by content filtering policy', { type: 'invalid_request_error' }), 400],
    ['content_filter', told('x', { code: 403, metadata: { reasons: ['violence'], flagged_input: 'y' } }), 403],
    ['context_length', told('x', { code: 400, metadata: { error_type: 'context_length_exceeded' } }), 400],
    ['overloaded', told('x', { code: 503, metadata: { error_type: 'provider_overloaded' } }), 503],
    ['model_not_found', told('model: claude-0', { type: 'not_found_error' }), 404],
    [
      'model_not_found',
      { object: 'error', message: 'The model `m` does not exist.', type: 'NotFoundError', code: 404 },
      404,
    ],
    [null, told('There is no such file.', { type: 'not_found_error' }), 404],
    ['request_too_large', {}, 413],
    ['rate_limit', told('x', { status: 'RESOURCE_EXHAUSTED', code: 429 }), null],
    ['overloaded', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, null],
    ['overloaded', told('x', { code: 529 }), null],
    ['quota', told('x', { type: 'insufficient_quota', code: 'insufficient_quota' }), 429],
    [
      'quota',
      told('Your credit balance is too low to access the Anthropic API.', { type: 'invalid_request_error' }),
      400,
    ],
    ['quota', told('You have reached your specified API usage limits. You will regain access on 2026-12-01'), 400],
    ['authentication', told('x', { type: 'authentication_error' }), null],
    ['permission', told('x', { status: 'PERMISSION_DENIED', code: 403 }), null],
    ['timeout', told('x', { type: 'timeout_error' }), null],
    [null, told('max_tokens must be at least 1', { type: 'invalid_request_error' }), 400],
    [null, { detail: 'Not Found' }, 404],
    [null, { type: 'error', error: {} }, null],
  ])('is %s for %j with the status %s', (kind, document, status) => expect(kindIn(document, status)).toBe(kind));
});

describe('an error', () => {
  it('is found in each place where providers put it, with its names, field and words', () => {
    for (const document of [{ error: 'no' }, { error: { message: 'no' } }, { message: 'no' }, { detail: 'no' }])
      expect(readError(document, 'x').message).toBe('no');
    expect(readError(told('no', { param: 'messages', code: 'c', type: 't' }), 'x', 400)).toEqual({
      error: { kind: null, type: 't', code: 'c', message: 'no' },
      message: 'no',
      param: 'messages',
      status: 400,
    });
    expect(readError({ type: 'response.failed', response: { error: null } }, 'x')).toEqual({
      error: { kind: null, type: null, code: null, message: 'x' },
      message: null,
      param: null,
      status: null,
    });
  });
});
