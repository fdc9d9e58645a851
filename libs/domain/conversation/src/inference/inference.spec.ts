import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_DETAILS } from '@tollgate/usage';
import type { Answer, AnswerEvent } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { openaiChat } from '../openai-chat/codec.js';
import { answers } from '../testing/answers.js';
import { CARRIED } from '../testing/chat-answers.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from '../testing/contexts.js';
import { streamsOf } from '../testing/events.js';
import { inference } from './codec.js';

const encode = (events: readonly AnswerEvent[]): readonly JsonObject[] => {
  const encoder = inference.writeStream(REPLY_CONTEXT);
  return events
    .flatMap((event) => encoder.take(event))
    .map(({ event, data }) => {
      expect((data as JsonObject)['type']).toBe(event);
      return data as JsonObject;
    });
};
const texts = (sent: readonly JsonObject[], type: string): string =>
  sent.flatMap((event) => (event['type'] === type ? [event['text'] as string] : [])).join('');

describe('a request of the endpoint inference', () => {
  it('reaches a model behind chat with all that it says', () => {
    const conversation = inference.readRequest({
      model: 'm',
      prompt: 'a',
      system: 'b',
      max_output_tokens: 5,
      temperature: 0.5,
      top_p: 0.9,
      stop: 'x',
      user: 'u',
      stream: true,
    });
    if ('kind' in conversation) throw new Error(conversation.message);
    expect(openaiChat.writeRequest(conversation, WRITE_CONTEXT)).toMatchObject({
      kind: 'written',
      leftOut: [],
      body: {
        messages: [
          { role: 'system', content: 'b' },
          { role: 'user', content: 'a' },
        ],
        max_completion_tokens: 5,
        temperature: 0.5,
        top_p: 0.9,
        stop: ['x'],
        user: 'u',
        stream: true,
      },
    });
  });

  it.each<[string, JsonObject]>([
    ['prompt', {}],
    ['prompt', { prompt: '' }],
    ['prompt', { prompt: ['a'] }],
    ['system', { prompt: 'a', system: ['b'] }],
    ['stop', { prompt: 'a', stop: ['x', 1] }],
    ['stop', { prompt: 'a', stop: [''] }],
    ['max_output_tokens', { prompt: 'a', max_output_tokens: '5' }],
    ['tools', { prompt: 'a', tools: [] }],
    ['messages', { prompt: 'a', messages: [] }],
  ])('names %s, which is missing or wrong: %j', (param, body) =>
    expect(inference.readRequest({ model: 'm', ...body })).toMatchObject({ kind: 'fault', param }),
  );
});

describe('an answer of the endpoint inference', () => {
  it('is one text, and says why it ended and what it used', () => {
    const answer: Answer = {
      id: 'resp_secret',
      model: 'gpt-5.6',
      createdAt: 5,
      parts: [
        { kind: 'thinking', text: 'hm', sealed: null },
        { kind: 'text', text: 'a', citations: [] },
        { kind: 'text', text: 'b', citations: [] },
      ],
      finish: { reason: 'length', stopSequence: null },
      usage: {
        inputTokens: 10,
        outputTokens: 4,
        cachedInputTokens: 3,
        reasoningTokens: 1,
        details: { ...NO_DETAILS, cacheWrite5mTokens: 2 },
      },
    };
    expect(inference.writeReply(answer, REPLY_CONTEXT)).toEqual({
      id: `inf_${REPLY_CONTEXT.requestId}`,
      object: 'inference',
      created: 5,
      model: 'gpt-5.6',
      output: 'ab',
      finish_reason: 'length',
      usage: {
        input_tokens: 10,
        cached_input_tokens: 3,
        cache_write_tokens: 2,
        output_tokens: 4,
        reasoning_tokens: 1,
        total_tokens: 14,
      },
    });
  });

  it('is the same in a stream, which begins and ends once', () =>
    fc.assert(
      fc.property(
        answers(CARRIED).chain((answer) => fc.tuple(fc.constant(answer), streamsOf(answer))),
        ([answer, events]) => {
          const sent = encode([...events, ...events]);
          const plain = inference.writeReply(answer, REPLY_CONTEXT);
          const { id, object, created, model, ...rest } = plain;
          expect(sent[0]).toEqual({ type: 'inference.started', id, object, created, model });
          expect(sent.filter(({ type }) => type === 'inference.started')).toHaveLength(1);
          const refusal = texts(sent, 'inference.refusal');
          const { finish_reason, usage } = sent.at(-1) as JsonObject;
          const summed = { output: texts(sent, 'inference.output'), finish_reason, usage };
          expect(refusal === '' ? summed : { ...summed, refusal }).toEqual(rest);
        },
      ),
    ));

  it('that breaks off ends in an error and nothing else', () =>
    expect(
      encode([
        { type: 'start', id: '', model: '', createdAt: null },
        { type: 'error', error: { kind: null, type: null, code: null, message: 'gone' } },
        { type: 'end' },
      ]).at(-1),
    ).toEqual({ type: 'error', error: { message: 'gone', type: 'server_error', param: null, code: null } }));
});
