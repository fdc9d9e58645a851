import { describe, expect, it } from 'vitest';
import type { Target } from '../request-path/choose-route/route-table.js';
import type { Ask, UpstreamCall } from '../dialects/ask.js';
import { openAiChat } from '../dialects/openai-chat/openai-chat.js';
import { InjectedFields, NOTHING_INJECTED, type FieldNames, type Injected } from './injected-fields.js';

const capped: Injected = { ceiling: 'max_completion_tokens', ceilingTokens: 16_384, streamOptions: true };

describe('a field of ours that a provider refuses', () => {
  const usual: FieldNames = { ceilingField: 'max_tokens', streamOptions: true };
  // The errors of Mistral and others built on pydantic, of OpenAI's older models, of vLLM, and of a relay in Go.
  it.each([
    '{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}',
    '{"message":"stream_options: extra inputs are not permitted"}',
    '{"error":{"message":"Unrecognized request argument supplied: stream_options"}}',
    '{"error":"json: unknown field \\"include_usage\\""}',
  ])('is left out of another try: %s', (words) => {
    expect(new InjectedFields(usual).lessonOf(usual, capped, words, false)).toEqual({
      kind: 'try_again',
      names: { ...usual, streamOptions: false },
    });
  });
  it.each([
    ['max_completion_tokens', 'max_tokens', '{"message":"max_completion_tokens: extra inputs are not permitted"}'],
    [
      'max_tokens',
      'max_completion_tokens',
      '{"error":{"message":"Unsupported parameter: \'max_tokens\' is not supported with this model. Use \'max_completion_tokens\' instead.","param":"max_tokens"}}',
    ],
  ] as const)('is given its other name, where it is the ceiling as %s', (ceiling, other, words) => {
    const names: FieldNames = { ceilingField: ceiling, streamOptions: true };
    const fields = new InjectedFields(names);
    expect(fields.lessonOf(names, { ...capped, ceiling }, words, false)).toEqual({
      kind: 'try_again',
      names: { ...names, ceilingField: other },
    });
    expect(fields.lessonOf(names, { ...capped, ceiling: other }, `{"message":"${other} is unknown"}`, true)).toEqual({
      kind: 'no_ceiling',
    });
  });
  it.each([
    [
      'max_tokens',
      "{\"message\":\"'max_tokens' or 'max_completion_tokens' is too large: 16384. This model's maximum context length is 8192 tokens\"}",
    ],
    [
      'max_completion_tokens',
      '{"message":"Requested token count exceeds the model\'s maximum context length of 4096 tokens. You requested a total of 19984 tokens: 3600 tokens from the input messages and 16384 tokens for the completion."}',
    ],
  ] as const)('is left out, where its number is more than the model can write: %s', (ceiling, words) => {
    expect(new InjectedFields(usual).lessonOf(usual, { ...capped, ceiling }, words, false)).toEqual({
      kind: 'leave_out',
    });
  });
  it('is no matter where the caller wrote it, or nothing of ours is named', () => {
    const fields = new InjectedFields(usual);
    const lesson = (injected: Injected, words: string) => fields.lessonOf(usual, injected, words, false).kind;
    expect(
      lesson({ ceiling: null, ceilingTokens: null, streamOptions: false }, 'max_tokens and stream_options are wrong'),
    ).toBe('not_ours');
    expect(lesson(capped, 'temperature must be at most 2')).toBe('not_ours');
    // The ceiling was sent under its other name.
    expect(lesson(capped, 'max_tokens must be positive')).toBe('not_ours');
    expect(lesson({ ...capped, ceilingTokens: null }, 'maximum context length is 16384 tokens')).toBe('not_ours');
  });
  it('is sent otherwise from then on, once that was accepted, and as usual again after a while', () => {
    let now = 0;
    const fields = new InjectedFields(usual, () => now);
    expect(fields.of('m')).toEqual(usual);
    fields.keep('m', { ...usual, streamOptions: false });
    expect([fields.of('m').streamOptions, fields.of('another').streamOptions]).toEqual([false, true]);
    now = 15 * 60_000;
    expect(fields.of('m')).toEqual(usual);
  });
  it('is remembered for some models only, however many names callers make up', () => {
    const fields = new InjectedFields(usual);
    for (let n = 0; n < 5_000; n++) fields.keep(`m${n}`, { ...usual, streamOptions: false });
    expect(fields.of('m4999').streamOptions).toBe(false);
    expect(fields.of('m0').streamOptions).toBe(true);
  });
  it('is not learned about from a call whose own words may be what was refused', () => {
    const fields = new InjectedFields(usual);
    const named = (body: string, accepted: Partial<FieldNames>) =>
      fields.isNamedIn(Buffer.from(body), 'm', { ...usual, ...accepted });
    expect(named('{"stream_options":{"include_obfuscation":"x"}}', { streamOptions: false })).toBe(true);
    expect(named('{"messages":[{"role":"stream_options"}]}', { streamOptions: false })).toBe(true);
    expect(named('{"logit_bias":{"max_tokens":1}}', { ceilingField: 'max_completion_tokens' })).toBe(true);
    expect(named('{"max_tokens":5}', { streamOptions: false })).toBe(false);
    expect(named('{"max_completion_tokens":5}', { ceilingField: 'max_completion_tokens' })).toBe(false);
  });
});

describe('what goes to a provider', () => {
  const send = (
    body: object,
    {
      ceilingField = 'max_tokens' as const,
      streamOptions = true,
      hold = 1n as bigint | null,
      injectedMaxTokens = null as number | null,
    }: {
      ceilingField?: 'max_tokens' | 'max_completion_tokens' | 'none';
      streamOptions?: boolean;
      hold?: bigint | null;
      injectedMaxTokens?: number | null;
    } = {},
  ) => {
    const bytes = Buffer.from(JSON.stringify({ model: 'm', ...body }));
    const ask = openAiChat.read(bytes) as Ask;
    const call: UpstreamCall = {
      holdNanoUsd: hold,
      injectedMaxTokens,
      ceilingLeftOut: false,
      fieldNames: null,
      injected: NOTHING_INJECTED,
    };
    const target = {
      model: 'm',
      price: { maxOutputTokens: 4_096 },
      provider: { injectedFields: new InjectedFields({ ceilingField, streamOptions }) },
    } as unknown as Target;
    return { sent: JSON.parse(ask.bodyFor(target, call).toString()) as unknown, injected: call.injected };
  };

  it('has the ceiling under the name that the provider takes, where credit is held and the caller names none', () => {
    expect(send({}, { injectedMaxTokens: 9 }).sent).toEqual({ model: 'm', max_tokens: 9 });
    expect(send({}, { injectedMaxTokens: 9, ceilingField: 'max_completion_tokens' }).sent).toEqual({
      model: 'm',
      max_completion_tokens: 9,
    });
    expect(send({ max_tokens: null }, { injectedMaxTokens: 9 }).sent).toEqual({ model: 'm', max_tokens: 9 });
    // What is held is for the longest answer of any target; none is sent more than it takes.
    expect(send({}, { injectedMaxTokens: 16_384 }).sent).toEqual({ model: 'm', max_tokens: 4_096 });
    expect(send({}, { injectedMaxTokens: 9, ceilingField: 'none' })).toEqual({
      sent: { model: 'm' },
      injected: { ceiling: null, ceilingTokens: null, streamOptions: false },
    });
  });
  it("has the caller's own ceiling under a name that the provider reads", () => {
    expect(send({ max_completion_tokens: 5 }).sent).toEqual({ model: 'm', max_tokens: 5 });
    expect(send({ max_completion_tokens: 5, max_tokens: null }).sent).toEqual({
      model: 'm',
      max_completion_tokens: 5,
      max_tokens: 5,
    });
    expect(send({ max_completion_tokens: 5, max_tokens: 7 }).sent).toEqual({
      model: 'm',
      max_completion_tokens: 5,
      max_tokens: 7,
    });
    expect(send({ max_tokens: 5 }, { ceilingField: 'max_completion_tokens' }).sent).toEqual({
      model: 'm',
      max_tokens: 5,
    });
  });
  it('is as the caller wrote it where no credit is held', () => {
    expect(send({ max_completion_tokens: 5 }, { hold: null }).sent).toEqual({ model: 'm', max_completion_tokens: 5 });
  });
  it('asks for the usage of a stream, unless the provider takes no such question', () => {
    expect(send({ stream: true }, { hold: null }).sent).toEqual({
      model: 'm',
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(
      send({ stream: true, stream_options: { include_usage: false, include_obfuscation: false } }, { hold: null }).sent,
    ).toEqual({ model: 'm', stream: true, stream_options: { include_usage: true, include_obfuscation: false } });
    expect(send({ stream: true }, { streamOptions: false, hold: null }).sent).toEqual({ model: 'm', stream: true });
  });
});
