import { describe, expect, it } from 'vitest';
import { readReply } from './read-reply.js';

const message = { index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' };
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const read = (body: unknown) => readReply(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

describe('a plain reply with a status of success', () => {
  it.each<[string, unknown]>([
    ['choices and usage', { choices: [message], usage }],
    ['no usage', { choices: [message] }],
    ['blank lines before it', `\n\n  ${JSON.stringify({ choices: [message], usage })}`],
    ['a byte order mark', `\ufeff${JSON.stringify({ choices: [message] })}`],
    ['an error of nothing', { error: null, choices: [message], usage }],
    ['an empty error', { error: {}, choices: [message], usage }],
    ['text about errors', { choices: [{ ...message, message: { content: '{"error":{"code":429}}' } }] }],
    ['one choice of two that failed', { choices: [message, { index: 1, finish_reason: 'error' }] }],
    ['an error that says nothing', { error: { code: 0, message: '' }, choices: [message], usage }],
    ['no message, but a reason', { choices: [{ index: 0, finish_reason: 'content_filter' }], usage }],
    [
      'a field that is called error deep inside',
      {
        choices: [
          { ...message, message: { content: 'x', tool_calls: [{ function: { name: 'error', arguments: '{}' } }] } },
        ],
        usage,
      },
    ],
  ])('is a completion with %s', (_, body) => {
    expect(read(body)).toMatchObject({ kind: 'answer' });
  });

  // OpenRouter and NVIDIA answer 200 with an error object, vLLM with an object of that name, Zhipu with its own code.
  it.each<[string, unknown, number]>([
    ['nothing', '', 502],
    ['null', 'null', 502],
    ['a list', '[1,2,3]', 502],
    ['a string', '"ok"', 502],
    ['a page', '<!doctype html><title>Sign in</title>', 502],
    ['text', 'upstream connect error or disconnect/reset before headers', 502],
    ['half a completion', '{"choices":[{"message":{"content":"hel', 502],
    ['another object', { status: 'ok' }, 502],
    ['null for choices', { choices: null }, 502],
    ['null for choices beside usage', { choices: null, usage }, 502],
    ['no choice', { choices: [] }, 502],
    ['no choice beside usage', { choices: [], usage }, 502],
    ['nothing for a choice', { choices: [null], usage }, 502],
    ['a choice that says nothing', { choices: [{}], usage }, 502],
    ['another reply behind it', JSON.stringify({ choices: [message], usage }).repeat(2), 502],
    [
      'another reply on the next line',
      `${JSON.stringify({ choices: [message], usage })}\n${JSON.stringify({ choices: [message], usage })}`,
      502,
    ],
    [
      'a list with an error',
      [{ error: { code: 429, message: 'Resource exhausted', status: 'RESOURCE_EXHAUSTED' } }],
      429,
    ],
    ['an object for choices', { choices: {}, usage }, 502],
    ['an error', { error: { message: 'overloaded' } }, 502],
    ['an error as text', { error: 'overloaded' }, 502],
    ['an error beside choices', { error: { message: 'x', code: 429 }, choices: [message], usage }, 429],
    ['a code of 429', { error: { message: 'rate-limited upstream', code: 429 }, user_id: 'u' }, 429],
    ['a code of 429 as text', { error: { message: 'x', code: '429' } }, 429],
    ['a name for a rate limit', { error: { message: 'x', code: 'rate_limit_exceeded' } }, 429],
    ['a name of Google for it', { error: { message: 'x', status: 'RESOURCE_EXHAUSTED' } }, 429],
    ['a code of 400', { error: { message: 'temperature', code: 400 } }, 400],
    ['a type of bad request', { error: { message: 'x', type: 'invalid_request_error', code: null } }, 400],
    ['a code of 503 beside a type', { error: { message: 'overloaded', type: 'server_error', code: 503 } }, 503],
    ['an object that is an error', { object: 'error', message: 'x', code: 404 }, 404],
    ['a type that is an error', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 503],
    ['a code of its own', { code: 1302, msg: 'rate limit', success: false }, 502],
    ["FastAPI's words", { detail: 'Not Found' }, 502],
    ['choices that all failed', { choices: [{ finish_reason: 'error', message: { content: '' } }] }, 502],
    [
      'choices that say why',
      { choices: [{ error: { code: 429, message: 'x' }, finish_reason: 'error', message: { content: '' } }] },
      429,
    ],
    ['events', 'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n', 502],
  ])('is none with %s', (_, body, status) => {
    expect(read(body)).toMatchObject({ kind: 'no_answer', error: { status } });
  });

  it('has its text counted where a side is told as nothing', () => {
    const text = 'A real answer. '.repeat(300);
    for (const told of [
      undefined,
      null,
      { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      { prompt_tokens: 100, completion_tokens: 0 },
    ]) {
      const reply = read({ choices: [{ message: { content: text } }], usage: told });
      if (reply.kind !== 'answer') throw new Error('no completion');
      expect(reply.countedOutputTokens).toBeGreaterThan(800);
    }
  });
});
