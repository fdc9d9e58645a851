import { sealedIdsFrom } from '@tollgate/sealing';
import { describe, expect, it } from 'vitest';
import { errorForClient } from './provider-errors.js';
import { IdSeal } from './id-seal.js';
import { readReply } from './read-reply.js';
import { ResponseIds } from './response-ids.js';

const RAW = 'resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b';
const PREVIOUS = 'resp_0000d2bed1ec8190b14f964abc0542670bb6a6b452d3795b';
const sealedIds = sealedIdsFrom({ pepper: 'the pepper of the test' });
const ids = new ResponseIds(
  { provider: { name: 'openai' }, model: 'gpt' },
  { organizationId: 'org', sealedIds, hasOthers: false },
);
const seal = () => new IdSeal(ids, { id: PREVIOUS, sealed: 'resp_previous' });
const usage = { input_tokens: 9, output_tokens: 4, total_tokens: 13 };
const output = [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello there.' }] }];
const response = (fields: object = {}) => ({
  id: RAW,
  object: 'response',
  status: 'completed',
  output,
  error: null,
  usage,
  previous_response_id: PREVIOUS,
  ...fields,
});
const read = (value: unknown) =>
  readReply(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), null, seal());

describe('a plain reply of Responses', () => {
  it('is passed on to the byte but for the ids of responses', () => {
    const text = JSON.stringify(response({ metadata: { of: RAW, ü: '世界' } }), null, 1);
    const reply = readReply(Buffer.from(text), null, seal());
    expect(reply).toMatchObject({ kind: 'answer', report: { inputTokens: 9, outputTokens: 4 } });
    expect((reply as { body: Buffer }).body.toString()).toBe(
      text.replaceAll(RAW, ids.seal(RAW)).replaceAll(PREVIOUS, 'resp_previous'),
    );
  });
  it('is not changed for a translation', () => {
    expect(readReply(Buffer.from(JSON.stringify(response())), null, null)).not.toHaveProperty('body');
  });
  it.each<[string, unknown]>([
    ['cut by its ceiling', response({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })],
    ['without a status', response({ status: undefined })],
    ['without output', response({ output: [] })],
    ['without an id', response({ id: undefined })],
    [
      'of a compaction',
      {
        id: RAW,
        object: 'response.compaction',
        created_at: 1,
        output: [{ type: 'compaction', encrypted_content: 'x' }],
        usage,
      },
    ],
  ])('is an answer: %s', (_what, value) => {
    expect(read(value)).toMatchObject({ kind: 'answer', report: { outputTokens: 4 } });
  });
  it('is counted by ourselves where it tells no usage', () => {
    expect(read(response({ usage: null }))).toMatchObject({ kind: 'answer', report: null, countedOutputTokens: 4 });
    expect(read(response())).toMatchObject({ countedOutputTokens: 0 });
  });
  it.each<[string, unknown, number, string]>([
    [
      'a failed one',
      response({ status: 'failed', output: [], error: { code: 'server_error', message: 'm' } }),
      502,
      'error',
    ],
    ['a failed one without an error', response({ status: 'failed', output: [] }), 502, 'error'],
    [
      'one that is limited',
      response({ status: 'failed', error: { code: 'rate_limit_exceeded', message: 'm' } }),
      429,
      'error',
    ],
    [
      'one that the caller is at fault for',
      response({ status: 'failed', error: { code: 'invalid_image_url', message: 'm' } }),
      400,
      'error',
    ],
    ['a cancelled one', response({ status: 'cancelled' }), 502, 'no_answer'],
    ['a queued one', response({ status: 'queued', usage: null, output: [] }), 502, 'no_answer'],
    ['one in progress', response({ status: 'in_progress', usage: null, output: [] }), 502, 'no_answer'],
    ['an error inside a 200', { error: { message: 'm', code: 400 } }, 400, 'error'],
    ['an error without output', { object: 'error', message: 'm', code: 429 }, 429, 'error'],
    ['a chat completion', { object: 'chat.completion', choices: [{ message: { content: 'a' } }] }, 502, 'no_answer'],
    ['a page', '<html>', 502, 'no_answer'],
    ['half a reply', JSON.stringify(response()).slice(0, 200), 502, 'no_answer'],
    ['a list', [response()], 502, 'no_answer'],
    ['an id that is no id', response({ id: { a: 1 } }), 502, 'no_answer'],
    ['an id without end', response({ id: 'x'.repeat(5_000) }), 502, 'no_answer'],
  ])('is no answer: %s', (_what, value, status, why) => {
    expect(read(value)).toMatchObject({ kind: 'no_answer', error: { status, why } });
  });
});

describe('a provider’s error for a client of Responses', () => {
  const told = (value: unknown) => {
    const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
    return (errorForClient(body, seal()) ?? body).toString();
  };
  const error = (fields: object) => ({
    error: { message: 'm', type: 'invalid_request_error', param: null, code: null, ...fields },
  });
  it('is the provider’s own bytes, where it names no id', () => {
    expect(errorForClient(Buffer.from(JSON.stringify(error({}))), seal())).toBeNull();
    expect(errorForClient(Buffer.from('<html>'), seal())).toBeNull();
  });
  it.each<[string, unknown]>([
    ['the response that it goes on from', error({ message: `No tool output for ${PREVIOUS}.` })],
    ['any other response', error({ message: 'Response resp_abcd1234abcd is in progress.' })],
    ['a page', `<p>${PREVIOUS}</p>`],
  ])('names no id of the provider: %s', (_what, value) => {
    expect(told(value)).not.toMatch(/resp_(?:0000|abcd)/);
    expect(told(value)).toContain('resp_');
  });
  it('is ours, where the provider does not know the response any more', () => {
    const text = told(
      error({
        message: `Previous response with id '${PREVIOUS}' not found.`,
        code: 'previous_response_not_found',
        param: 'previous_response_id',
      }),
    );
    expect(JSON.parse(text)).toMatchObject({
      error: { code: 'previous_response_not_found', type: 'invalid_request_error', param: 'previous_response_id' },
    });
    expect(text).not.toContain('resp_');
  });
  it.each<[string, unknown]>([
    ['a failed response', response({ status: 'failed', error: { code: 'invalid_image', message: 'm' } })],
    [
      'the event of one',
      {
        type: 'response.failed',
        sequence_number: 2,
        response: response({ error: { code: 'invalid_image', message: 'm' } }),
      },
    ],
    ['an event with an error', { type: 'error', code: 'invalid_image', message: 'm', param: null, sequence_number: 2 }],
  ])('is an error object, also if it came as %s', (_what, value) => {
    expect(JSON.parse(told(value))).toEqual({
      error: { message: 'm', type: 'invalid_request_error', param: null, code: 'invalid_image' },
    });
  });
});
