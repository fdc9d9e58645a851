import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_DETAILS } from '@tollgate/usage';
import type { Answer, Citation } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { SAME_NAMES } from '../names.js';
import { answers } from '../testing/answers.js';
import { REPLY_CONTEXT } from '../testing/contexts.js';
import { CARRIED } from '../testing/chat-answers.js';
import { readReply } from './read-reply.js';
import { writeReply } from './write-reply.js';
import { writeUsage } from './usage.js';

const reply = (message: JsonObject, finishReason: unknown = 'stop', more: JsonObject = {}): JsonObject => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 5,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finishReason }],
  ...more,
});
const read = (document: JsonObject): Answer => {
  const answer = readReply(document, SAME_NAMES);
  if (answer === null) throw new Error('no answer');
  return answer;
};

describe('a reply of chat', () => {
  it('comes back as it was, for all that chat carries', () =>
    fc.assert(
      fc.property(answers(CARRIED), (answer) => {
        const whole = { ...answer, id: `chatcmpl-${answer.id}` };
        expect(read(writeReply(whole, REPLY_CONTEXT))).toEqual(whole);
      }),
    ));

  it.each<[string, JsonObject, unknown, string]>([
    ['stop', { content: 'a' }, 'stop', 'stop'],
    ['length', { content: 'a' }, 'length', 'length'],
    ['a filter', { content: 'a' }, 'content_filter', 'content_filter'],
    ['calls', { tool_calls: [{ id: '1', function: { name: 'f' } }] }, 'tool_calls', 'tool_calls'],
    [
      'calls that are called stop, as by Ollama',
      { tool_calls: [{ id: '1', function: { name: 'f' } }] },
      'stop',
      'tool_calls',
    ],
    ['calls with an unknown reason', { tool_calls: [{ id: '1', function: { name: 'f' } }] }, 'eos', 'tool_calls'],
    ['calls without a reason', { tool_calls: [{ id: '1', function: { name: 'f' } }] }, null, 'tool_calls'],
    ['a call of before tools', { function_call: { name: 'f', arguments: '{}' } }, 'function_call', 'tool_calls'],
    ['a reason for calls without one', { content: 'a' }, 'tool_calls', 'stop'],
    ["Mistral's ceiling", { content: 'a' }, 'model_length', 'length'],
    ["Gemini's filter", { content: 'a' }, 'SAFETY', 'content_filter'],
    ['a reason that nobody knows', { content: 'a' }, 'whatever', 'stop'],
    ['no reason', { content: 'a' }, undefined, 'stop'],
  ])('that ended by %s is read so (R1)', (_what, message, reason, expected) =>
    expect(read(reply(message, reason)).finish.reason).toBe(expected),
  );

  it('may have its text in either shape, and thoughts in any field (T3, S4)', () => {
    expect(
      read(
        reply({
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        }),
      ).parts,
    ).toEqual(read(reply({ content: 'ab' })).parts);
    for (const message of [
      { reasoning_content: 'hm' },
      { reasoning: 'hm' },
      { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] },
    ])
      expect(read(reply(message)).parts).toEqual([{ kind: 'thinking', text: 'hm', sealed: null }]);
    expect(read(reply({ content: null, refusal: 'no' })).parts).toEqual([{ kind: 'refusal', text: 'no' }]);
  });

  const cut = { id: 'a', function: { name: 'f', arguments: '{"x":' } };
  it.each(['length', 'content_filter', 'tool_calls'])(
    'has a call as far as it was written, if it ended by %s',
    (reason) => expect(read(reply({ tool_calls: [cut] }, reason)).parts).toMatchObject([{ name: 'f', input: '{"x":' }]),
  );

  it('has no call that was cut before its name', () =>
    expect(read(reply({ content: 'a', tool_calls: [{ id: 'a' }] }, 'length')).parts).toMatchObject([{ text: 'a' }]));

  it('gives calls without arguments an empty object, and ids to those that have none (T6)', () => {
    const calls = [{ function: { name: 'f' } }, { id: '', function: { name: 'g', arguments: '' } }];
    expect(read(reply({ tool_calls: calls })).parts).toEqual([
      { kind: 'tool_call', id: 'call_chatcmpl-1_0', name: 'f', input: '{}', custom: false },
      { kind: 'tool_call', id: 'call_chatcmpl-1_1', name: 'g', input: '{}', custom: false },
    ]);
  });

  it.each<[string, JsonObject]>([
    ['an empty object', {}],
    ['a list without choices', { choices: [] }],
    ['a choice without a message', { choices: [{ text: 'a' }] }],
    ['a failure', reply({ content: 'a' }, 'error')],
    ["a failure of DeepSeek's", reply({ content: 'a' }, 'insufficient_system_resource')],
    ["a failure of vLLM's", reply({ content: 'a' }, 'abort')],
    ["a failure of Gemini's", reply({ content: null }, 'MALFORMED_FUNCTION_CALL')],
    [
      "a failure of Gemini's with its reason",
      reply({ content: null }, 'function_call_filter: MALFORMED_FUNCTION_CALL'),
    ],
    ['a call that was cut for an unknown reason', reply({ tool_calls: [cut] }, 'odd')],
    ['a call that was cut for no reason', reply({ tool_calls: [cut] }, null)],
    ['a call without a name', reply({ tool_calls: [{ id: 'a', function: { arguments: '{}' } }] }, 'tool_calls')],
    ['an error', { error: { message: 'no' } }],
  ])('is none if the document is %s', (_what, document) => expect(readReply(document, SAME_NAMES)).toBeNull());

  it('never shows the id of another dialect, which may open what it names', () => {
    const answer = { ...read(reply({ content: 'a' })), id: 'resp_secret', model: '', createdAt: null };
    expect(writeReply(answer, REPLY_CONTEXT)).toMatchObject({
      id: `chatcmpl-${REPLY_CONTEXT.requestId}`,
      model: REPLY_CONTEXT.model,
      created: REPLY_CONTEXT.nowSeconds,
    });
    expect(JSON.stringify(writeReply(answer, REPLY_CONTEXT))).not.toContain('secret');
  });

  it('tells the places of citations in the whole text, and none of documents', () => {
    const cited = (url: string | null): Citation => ({
      url,
      title: null,
      quoted: 'q',
      start: null,
      end: null,
      original: {},
    });
    const answer: Answer = {
      ...read(reply({ content: 'a' })),
      parts: [
        { kind: 'text', text: 'four', citations: [] },
        { kind: 'text', text: 'five', citations: [cited('https://example.com'), cited(null)] },
      ],
    };
    expect(writeReply(answer, REPLY_CONTEXT)).toMatchObject({
      choices: [
        {
          message: {
            content: 'fourfive',
            annotations: [
              {
                url_citation: {
                  url: 'https://example.com',
                  title: 'https://example.com',
                  start_index: 4,
                  end_index: 8,
                },
              },
            ],
          },
        },
      ],
    });
  });

  it('counts all input as prompt, with reads and writes of caches as slices (M1, M2)', () => {
    const usage = {
      inputTokens: 3 + 12_304 + 7,
      outputTokens: 9,
      cachedInputTokens: 7,
      reasoningTokens: 4,
      details: { ...NO_DETAILS, cacheWrite5mTokens: 12_000, cacheWrite1hTokens: 304 },
    };
    expect(writeUsage(usage)).toEqual({
      prompt_tokens: 12_314,
      completion_tokens: 9,
      total_tokens: 12_323,
      prompt_tokens_details: { cached_tokens: 7, cache_write_tokens: 12_304, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 4, audio_tokens: 0 },
    });
  });
});
