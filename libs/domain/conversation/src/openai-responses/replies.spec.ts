import { describe, expect, it } from 'vitest';
import { NO_DETAILS } from '@tollgate/usage';
import type { Answer, AnswerPart, FinishReason } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { SAME_NAMES, toolNames, OPENAI_TOOL_NAMES } from '../names.js';
import { REPLY_CONTEXT } from '../testing/contexts.js';
import { responseOf } from '../testing/response-stream.js';
import { openaiResponses } from './codec.js';

const RESPONSE_ID = `resp_${REPLY_CONTEXT.requestId}`;

const TEXT: AnswerPart = { kind: 'text', text: 'Hi', citations: [] };
const REFUSAL: AnswerPart = { kind: 'refusal', text: 'No' };
const CALL: AnswerPart = { kind: 'tool_call', id: 'c', name: 'f', input: '{}', custom: false };
const USAGE = { inputTokens: 12_307, outputTokens: 50, cachedInputTokens: 2_000, reasoningTokens: 20 };

function answer(parts: readonly AnswerPart[], reason: FinishReason = 'stop'): Answer {
  return { id: 'x', model: 'm', createdAt: 5, parts, finish: { reason, stopSequence: null }, usage: USAGE };
}

function written(parts: readonly AnswerPart[], reason: FinishReason = 'stop'): JsonObject {
  return openaiResponses.writeReply(answer(parts, reason), REPLY_CONTEXT);
}

function read(document: JsonObject): Answer | null {
  return openaiResponses.readReply(document, SAME_NAMES);
}

describe('a reply of Responses', () => {
  it.each<readonly [reason: FinishReason, parts: readonly AnswerPart[], status: string, why: string | null]>([
    ['stop', [TEXT], 'completed', null],
    ['tool_calls', [TEXT, CALL], 'completed', null],
    ['length', [TEXT], 'incomplete', 'max_output_tokens'],
    ['length', [CALL], 'incomplete', 'max_output_tokens'],
    ['content_filter', [TEXT], 'incomplete', 'content_filter'],
    ['content_filter', [], 'incomplete', 'content_filter'],
    ['content_filter', [REFUSAL], 'completed', null],
    ['stop', [REFUSAL], 'completed', null],
  ])('that ended by %s with %j is %s', (reason, parts, status, why) => {
    const reply = written(parts, reason);
    const last = (reply['output'] as JsonObject[]).at(-1);
    expect([reply['status'], reply['incomplete_details']]).toEqual([status, why === null ? null : { reason: why }]);
    if (last !== undefined) expect(last['status']).toBe(status);
  });

  it.each<readonly [why: JsonObject | null, status: string, output: readonly JsonObject[], reason: FinishReason]>([
    [null, 'completed', [], 'stop'],
    [null, 'completed', [{ type: 'function_call', call_id: 'c', name: 'f', arguments: '' }], 'tool_calls'],
    [null, 'completed', [{ type: 'message', content: [{ type: 'refusal', refusal: 'No' }] }], 'content_filter'],
    [{ reason: 'max_output_tokens' }, 'incomplete', [], 'length'],
    [{ reason: 'content_filter' }, 'incomplete', [], 'content_filter'],
    [{ reason: 'of_another_time' }, 'incomplete', [], 'length'],
    [null, 'incomplete', [], 'length'],
  ])('incomplete by %j, %s with %j, ended by another name', (why, status, output, reason) =>
    expect(read({ status, incomplete_details: why, output })?.finish.reason).toBe(reason),
  );

  it.each<JsonObject>([
    { status: 'failed', output: [], error: { code: 'server_error', message: 'x' } },
    { status: 'queued', output: [] },
    { status: 'in_progress', output: [] },
    { status: 'cancelled', output: [] },
    { status: 'completed', output: [{ type: 'function_call', call_id: 'a', arguments: '{}' }] },
    { object: 'response' },
    { output: 'x' },
    { error: { message: 'x' } },
  ])('is no answer if it is %j', (document) => expect(read(document)).toBeNull());

  it('repeats what was asked, names the model, and has no id of the provider', () => {
    const request = {
      input: 'Hi',
      instructions: 'Be brief',
      temperature: 0.5,
      tools: [{ type: 'function', name: 'f' }],
      metadata: { a: 'b' },
      text: { verbosity: 'low' },
    };
    const { input: _, ...repeated } = request;
    const reply = openaiResponses.writeReply({ ...answer([TEXT]), model: '' }, { ...REPLY_CONTEXT, request });
    expect(reply).toMatchObject({
      ...repeated,
      id: RESPONSE_ID,
      object: 'response',
      model: REPLY_CONTEXT.model,
      created_at: 5,
      error: null,
      parallel_tool_calls: true,
      previous_response_id: null,
      store: false,
      tool_choice: 'auto',
      truncation: 'disabled',
    });
    expect(reply).not.toHaveProperty('input');
  });

  it('has cached and written input within its total', () => {
    const details = { ...NO_DETAILS, cacheWrite5mTokens: 4_000, cacheWrite1hTokens: 6_000, serviceTier: 'priority' };
    const reply = openaiResponses.writeReply({ ...answer([TEXT]), usage: { ...USAGE, details } }, REPLY_CONTEXT);
    expect(reply['service_tier']).toBe('priority');
    expect(reply['usage']).toEqual({
      input_tokens: 12_307,
      input_tokens_details: { cached_tokens: 2_000, cache_write_tokens: 10_000 },
      output_tokens: 50,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 12_357,
    });
  });

  it('calls tools by the names that the caller gave them', () => {
    const long = 'mcp__server__'.padEnd(90, 'x');
    const names = toolNames(
      [
        { name: long, custom: false },
        { name: 'apply_patch', custom: true },
      ],
      OPENAI_TOOL_NAMES,
    );
    const call = { type: 'function_call', call_id: 'c' };
    const output = [
      { ...call, name: names.sent(long), arguments: ' ' },
      { ...call, name: 'apply_patch', arguments: '{"input":"x\\n"}' },
    ];
    expect(openaiResponses.readReply({ output }, names)?.parts).toEqual([
      { kind: 'tool_call', id: 'c', name: long, input: '{}', custom: false },
      { kind: 'tool_call', id: 'c', name: 'apply_patch', input: 'x\n', custom: true },
    ]);
  });

  it('has several summaries of a thought as one text, and the thought itself if there is none', () => {
    const summary = ['A', 'B'].map((text) => ({ type: 'summary_text', text }));
    const content = [{ type: 'reasoning_text', text: 'C' }];
    const output = [
      { type: 'reasoning', summary, content },
      { type: 'reasoning', summary: [], content },
    ];
    expect(read({ output })?.parts).toMatchObject([{ text: 'A\n\nB' }, { text: 'C' }]);
  });

  it('shortens ids of calls that OpenAI would not take back', () => {
    const reply = written([{ ...CALL, id: 'x'.repeat(80) }]);
    expect((reply['output'] as JsonObject[])[0]?.['call_id']).toMatch(/^x+_[0-9a-f]{12}$/);
  });
});

describe('an error in a stream', () => {
  it.each<readonly [type: string | null, told: string | null, code: string]>([
    ['api_error', null, 'server_error'],
    ['constructor', null, 'constructor'],
    ['invalid_request_error', 'unsupported_value', 'unsupported_value'],
    [null, null, 'server_error'],
  ])('of the type %j and the code %j has the code %s', (type, told, code) => {
    const error = { kind: null, type, code: told, message: 'x' };
    const response = responseOf(openaiResponses.writeStream(REPLY_CONTEXT).take({ type: 'error', error }));
    expect(response).toMatchObject({ status: 'failed', error: { code, message: 'x' }, output: [] });
  });
});
