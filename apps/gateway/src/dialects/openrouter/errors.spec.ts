import type { ErrorShape } from '../dialect.js';
import { describe, expect, it } from 'vitest';
import { openAiChat } from '../openai-chat/openai-chat.js';
import { openAiCompletions } from '../openai-completions/openai-completions.js';
import { openAiResponses } from '../openai-responses/openai-responses.js';
import { inference } from '../inference/inference.js';
import { anthropicMessages } from '../anthropic-messages/anthropic-messages.js';

const ABOUT = { requestId: 'req', model: 'm', createdSeconds: 7 };
const below = ({ errors }: { readonly errors: ErrorShape }): ErrorShape => errors.belowApi ?? errors;
const parsed = (body: Buffer | null | undefined): unknown => JSON.parse(body?.toString() ?? 'null');
const event = (document: unknown): string => `data: ${JSON.stringify(document)}\n\n`;

describe('an error below /api/v1', () => {
  it('has the status as its code, and ours and the field beside it', () => {
    for (const dialect of [openAiChat, openAiCompletions, openAiResponses, inference])
      expect(parsed(below(dialect).body('invalid_request', 'n must be 1.', 'n', ''))).toEqual({
        error: {
          code: 400,
          message: 'n must be 1.',
          metadata: { error_type: 'invalid_request', code: 'invalid_request', param: 'n' },
        },
      });
    expect(parsed(below(openAiChat).body('quota_exceeded', null, null, ''))).toMatchObject({
      error: { code: 402, metadata: { error_type: 'payment_required', code: 'quota_exceeded' } },
    });
    expect(parsed(below(anthropicMessages).body('quota_exceeded', null, null, 'r'))).toMatchObject({ type: 'error' });
  });

  it('is the last chunk of a stream that breaks off, with the reason of its end', () => {
    expect(below(openAiChat).event('provider_failed', ABOUT)).toBe(
      event({
        id: 'gen-req',
        object: 'chat.completion.chunk',
        created: 7,
        model: 'm',
        choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
        error: {
          code: 502,
          message: 'The model provider failed.',
          metadata: { error_type: 'provider_unavailable', code: 'provider_failed' },
        },
      }),
    );
    expect(below(openAiCompletions).event('provider_timeout', ABOUT)).toContain(
      '"object":"text_completion","created":7,"model":"m","choices":[{"index":0,"text":"","finish_reason":"error"}]',
    );
    expect(below(openAiResponses).event('provider_failed', ABOUT)).toMatch(/^event: response\.failed\n/);
  });

  it.each([
    [
      400,
      { message: 'Too much.', type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' },
      {
        code: 400,
        message: 'Your input exceeds the context window of this model: Too much.',
        metadata: { error_type: 'context_length_exceeded', code: 'context_length_exceeded', param: 'messages' },
      },
    ],
    [
      422,
      { message: 'No.', type: 'invalid_request_error', param: null, code: 'unsupported_value' },
      { code: 422, message: 'No.', metadata: { error_type: 'unprocessable', provider_code: 'unsupported_value' } },
    ],
  ])('of a provider has it, too: %i', (status, error, told) => {
    const body = Buffer.from(JSON.stringify({ error }));
    for (const dialect of [openAiChat, openAiResponses])
      expect(parsed(below(dialect).ofProvider?.(status, body))).toEqual({ error: told });
  });

  it('of a provider that can be read stays as it is', () => {
    const error = { code: 400, message: 'No.', metadata: { raw: 'x' } };
    expect(below(openAiChat).ofProvider?.(400, Buffer.from(JSON.stringify({ error })))).toBeNull();
  });

  it.each([
    ['OpenAI', event({ error: { message: 'Sorry', type: 'server_error', code: null } }), 502, 'provider_unavailable'],
    [
      'one that limits',
      event({ error: { message: 'Sorry', code: 'rate_limit_exceeded' } }),
      429,
      'rate_limit_exceeded',
    ],
    ['one without room', event({ error: { message: 'Sorry', type: 'overloaded_error' } }), 503, 'provider_overloaded'],
    ['vLLM', event({ object: 'error', message: 'Sorry', code: 400 }), 400, 'invalid_request'],
    [
      'Google, in a list',
      event([{ error: { message: 'Sorry', code: 503, status: 'UNAVAILABLE' } }]),
      503,
      'provider_overloaded',
    ],
    ['an event of that name', 'event: error\ndata: {"message":"Sorry"}\n\n', 502, 'provider_unavailable'],
  ])('in the stream of %s is such a chunk', (_who, failure, code, type) => {
    const chunk = event({ id: 'c', choices: [{ index: 0, delta: { content: 'é' } }] });
    const latin1 = Buffer.from(chunk).toString('latin1');
    const text = below(openAiChat).withErrors?.(`${latin1}${failure}data: [DONE]\n\n`, ABOUT) ?? '';
    const [before, told = '', done] = text.split('\n\n');
    expect([`${before}\n\n`, done]).toEqual([latin1, 'data: [DONE]']);
    expect(JSON.parse(told.slice('data: '.length))).toMatchObject({
      id: 'gen-req',
      choices: [{ finish_reason: 'error' }],
      error: { code, message: 'Sorry', metadata: { error_type: type } },
    });
  });

  it('in the stream of OpenRouter itself stays as it is', () => {
    const failure = event({ error: { code: 502, message: 'x' }, choices: [{ delta: {}, finish_reason: 'error' }] });
    expect(below(openAiChat).withErrors?.(failure, ABOUT)).toBe(failure);
  });
});
