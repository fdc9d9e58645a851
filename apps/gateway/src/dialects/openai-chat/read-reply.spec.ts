import { describe, expect, it } from 'vitest';
import { readReply } from './read-reply.js';

const mebibyte = 1024 * 1024;
const usage = { prompt_tokens: 7, completion_tokens: 3 };
const reply = (content: string, more: object = { usage }): Buffer =>
  Buffer.from(JSON.stringify({ choices: [{ index: 0, message: { content } }], ...more }));
const report = { inputTokens: 7, outputTokens: 3, cachedInputTokens: 0, reasoningTokens: 0 };

describe('a plain reply', () => {
  it('is counted where it reports nothing, as long as it can be parsed in a moment', () => {
    expect(readReply(reply('one two', {}))).toMatchObject({ kind: 'answer', report: null, countedOutputTokens: 2 });
    expect(readReply(reply('x'.repeat(4 * mebibyte), {}))).toMatchObject({
      kind: 'answer',
      report: null,
      countedOutputTokens: mebibyte,
    });
  });

  it('has been served by the tier that it names beside its usage, unless that is the usual one', () => {
    const served = (more: object) => {
      const read = readReply(reply('one', more));
      return read.kind === 'answer' ? read.report?.details?.serviceTier : undefined;
    };
    expect(served({ usage, service_tier: 'priority', system_fingerprint: 'fp_1' })).toBe('priority');
    expect(served({ usage, system_fingerprint: 'fp_1', more: { service_tier: 'x' }, service_tier: 'flex' })).toBe(
      'flex',
    );
    for (const tier of ['default', 'auto', null, 3, { a: 1 }, 'a\u0000b'])
      expect(served({ usage, service_tier: tier }), String(tier)).toBeUndefined();
    expect(served({ usage, more: { service_tier: 'priority' } })).toBeUndefined();
    // Azure writes its fields in the order of the alphabet, and other servers the tier before the choices.
    expect(served({ service_tier: 'priority', system_fingerprint: null, usage })).toBe('priority');
    const first = Buffer.from(`{"service_tier":"flex",${reply('"service_tier":"priority"').toString().slice(1)}`);
    expect(readReply(first)).toMatchObject({ report: { details: { serviceTier: 'flex' } } });
    expect(readReply(reply('"service_tier":"priority"'))).toMatchObject({ report });
    expect(served({ more: { service_tier: 'priority' }, usage })).toBeUndefined();
    expect(served({ pad: 'x'.repeat(9 * mebibyte), service_tier: 'priority', usage })).toBe('priority');
    // A reply without usage is parsed, and one that has no tokens in it too.
    expect(served({ service_tier: 'priority' })).toBeUndefined();
    expect(served({ service_tier: 'priority', usage: { prompt_tokens: 7, completion_tokens: 0 } })).toBe('priority');
  });

  it('is an answer also with a name or a text that begins like an error, and none with an error', () => {
    for (const more of [
      { errors: [], usage },
      { error_code: 0, usage },
      { more: { token: 'error' }, usage },
    ])
      expect(readReply(reply('an "error" of mine', more))).toMatchObject({ kind: 'answer', report });
    expect(readReply(reply('one', { error: { message: 'overloaded' }, usage }))).toMatchObject({ kind: 'no_answer' });
  });

  it('of more than 8 MiB is a completion where it reports its usage at its end, and is not parsed', () => {
    const long = reply('x'.repeat(9 * mebibyte));
    expect(readReply(long)).toMatchObject({ kind: 'answer', report });
    // A reader that parses this text fails.
    long.write('\u0001', 4 * mebibyte);
    expect(readReply(long)).toMatchObject({ kind: 'answer', report });
    expect(readReply(reply('x'.repeat(9 * mebibyte), { logprobs: [{ token: 'error' }], usage }))).toMatchObject({
      kind: 'answer',
      report,
    });
  });

  it.each<[string, object]>([
    ['no usage', {}],
    ['usage of nothing', { usage: { prompt_tokens: 0, completion_tokens: 0 } }],
    ['usage somewhere before its end', { usage, more: 'x'.repeat(mebibyte) }],
  ])('of more than 8 MiB with %s is no completion', (_, more) => {
    expect(readReply(reply('x'.repeat(9 * mebibyte), more))).toMatchObject({
      kind: 'no_answer',
      error: { status: 502, why: 'no_answer' },
    });
  });
});
