import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InjectedFields } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { isRefusal, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Ask, UpstreamCall } from '../ask.js';
import { openAiChat } from '../openai-chat/openai-chat.js';
import { openAiCompletions } from './openai-completions.js';
import { REQUEST_FIELDS } from './request-fields.js';

const read = (body: unknown) =>
  openAiCompletions.read(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))) as Ask | Refusal;
function ask(fields: object): Ask {
  const asked = read({ model: 'm', ...fields });
  if (isRefusal(asked)) throw new Error(`refused: ${asked.message}`);
  return asked;
}

describe('the table of fields of completions', () => {
  const names = REQUEST_FIELDS.map(({ name }) => name);
  it('has each field once, with a reason, and every one that OpenAI documents', () => {
    expect(new Set(names).size).toBe(names.length);
    for (const { why } of REQUEST_FIELDS) expect(why).toMatch(/^[A-Z].*\.$/);
    const types = createRequire(import.meta.url)
      .resolve('openai')
      .replace(/index\.m?js$/, 'resources/completions.d.ts');
    const declared = /export interface CompletionCreateParamsBase \{(.*?)\n\}/s.exec(readFileSync(types, 'utf8'))![1]!;
    const documented = [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);
    expect(documented.length).toBeGreaterThan(15);
    expect(names).toEqual(expect.arrayContaining(documented));
  });
});

describe('the tools of a request for completions', () => {
  it.each<[object, string, string]>([
    [{ type: 'web_search' }, 'unbounded', 'tools'],
    [{ type: 'web_search', model: 'gpt' }, 'elsewhere', 'tools'],
  ])('are read as those of chat: %j', (tool, use, name) => {
    expect(ask({ prompt: 'a', tools: [tool] }).others).toMatchObject([{ name, use }]);
    expect(ask({ prompt: 'a', tools: [{ type: 'function', function: { name: 'f' } }] }).others).toEqual([]);
  });
  it('name nothing that the provider keeps', () => {
    const body = '{"model":"m","tools":[{"type":"file_search","vector_store_\\u0069ds":["vs_1"]}]}';
    expect(read(body)).toMatchObject({ code: 'invalid_request', param: 'tools[0].vector_store_ids' });
  });
});

describe('a request for completions', () => {
  it.each<[string, object, number, number]>([
    ['a text', { prompt: 'a' }, 1, 16],
    ['no prompt', {}, 1, 16],
    ['null', { prompt: null }, 1, 16],
    ['texts', { prompt: ['a', 'b', 'c'] }, 3, 16],
    ['tokens', { prompt: [1, 2, 3] }, 1, 16],
    ['lists of tokens', { prompt: [[1], [2, 3]] }, 2, 16],
    ['several answers', { prompt: ['a', 'b'], n: 3 }, 6, 16],
    ['answers of which the best is kept', { prompt: ['a', 'b'], n: 2, best_of: 5 }, 10, 16],
    ['a ceiling', { prompt: 'a', max_tokens: 100 }, 1, 100],
    ['a ceiling for several answers', { prompt: 'a', n: 2, max_tokens: 100 }, 2, 100],
    ['nothing but the prompt', { prompt: 'a', echo: true, logprobs: 1, max_tokens: 0 }, 1, 0],
  ])('holds the ceiling for each answer to each prompt: %s', (_what, fields, choices, ceiling) => {
    expect(ask(fields).limits()).toMatchObject({ choices, ceiling, media: [] });
    const isNamed = 'max_tokens' in fields;
    expect(ask(fields)).toMatchObject({ choices, namedOutputTokens: isNamed ? choices * ceiling : 0 });
  });
  it('holds the bound over what any tokenizer of bytes counts, whatever it is sent', () => {
    const text = fc.string({ unit: 'grapheme' });
    const prompt = fc.oneof(text, fc.array(text), fc.array(fc.nat()), fc.array(fc.array(fc.nat())));
    fc.assert(
      fc.property(prompt, text, (value, suffix) => {
        const limits = ask({ prompt: value, suffix }).limits();
        if (isRefusal(limits)) return false;
        const items: readonly unknown[] = Array.isArray(value) ? value : [value];
        const used = items.reduce<number>(
          (sum, item) =>
            sum + (typeof item === 'string' ? Buffer.byteLength(item) + 2 : Array.isArray(item) ? item.length : 1),
          Buffer.byteLength(suffix),
        );
        return used <= limits.contentTokensMax;
      }),
    );
  });
  it.each<[string, unknown]>([
    ['a number', 7],
    ['an object', { text: 'a' }],
    ['lists of texts', [['a']]],
    ['lists of lists', [[[1]]]],
    ['words that are no text', ['a', null]],
    ['truths', [true]],
  ])('has no bound for %s', (_what, prompt) => {
    expect(ask({ prompt }).limits()).toMatchObject({ kind: 'refusal', code: 'unbounded_cost', param: 'prompt' });
  });
  it.each<[unknown, string, string | null]>([
    ['{"model":"m","prompt":"a"', 'invalid_json', null],
    [{ prompt: 'a' }, 'invalid_request', 'model'],
    [{ model: 'm', max_tokens: -1 }, 'invalid_request', 'max_tokens'],
    [{ model: 'm', max_tokens: '5' }, 'invalid_request', 'max_tokens'],
    [{ model: 'm', max_tokens: 1e9 }, 'invalid_request', 'max_tokens'],
    [{ model: 'm', n: 0 }, 'invalid_request', 'n'],
    [{ model: 'm', best_of: 1.5 }, 'invalid_request', 'best_of'],
    [{ model: 'm', best_of: 1_000 }, 'invalid_request', 'best_of'],
    [{ model: 'm', stream: 'yes' }, 'invalid_request', 'stream'],
    [{ model: 'm', echo: 1 }, 'invalid_request', 'echo'],
    [{ model: 'm', stream_options: 'a' }, 'invalid_request', 'stream_options'],
    ['{"model":"m","best_of":1,"best_of":9}', 'invalid_request', 'best_of'],
    ['{"model":"m","Best_Of":9}', 'invalid_request', 'best_of'],
    ['{"model":"m","bestOf":9}', 'invalid_request', 'best_of'],
  ])('is refused for every key where it is malformed: %j', (body, code, param) => {
    expect(read(body)).toMatchObject({ kind: 'refusal', code, param });
  });
  it('is counted closer by a tokenizer, with all that is no prompt by its bytes', () => {
    const words = (text: string): number => text.split(' ').length;
    const rest = (prompt: unknown) => JSON.stringify({ model: 'm', prompt }).length - JSON.stringify(prompt).length;
    expect(ask({ prompt: 'one two three' }).countContent(words)).toBe(5 + rest('one two three'));
    expect(ask({ prompt: ['one two', 'three'] }).countContent(words)).toBe(7 + rest(['one two', 'three']));
    expect(ask({ prompt: [1, 2] }).countContent(words)).toBe(2);
  });
});

describe('a request for completions at a provider', () => {
  const provider = {
    injectedFields: new InjectedFields({ ceilingField: 'max_completion_tokens', streamOptions: true }),
  };
  const to = (body: string, model: string, fields: Partial<UpstreamCall> = {}) => {
    const call = { holdNanoUsd: null, injectedMaxTokens: null, ceilingLeftOut: false, fieldNames: null, ...fields };
    const sent = (read(body) as Ask).bodyFor({ model, provider } as unknown as Target, call as UpstreamCall).toString();
    return [sent, (call as UpstreamCall).injected] as const;
  };
  it('is the caller’s own bytes, but for the model', () => {
    const body = '{ "prompt":[ [1.0e0] ],\t"model" : "m", "best_of":2 }';
    expect(to(body, 'm')[0]).toBe(body);
    expect(to(body, 'gpt')[0]).toBe(body.replace('"m"', '"gpt"'));
  });
  it('has the ceiling written out that an absent one stands for, where credit is held for it', () => {
    const injected = { ceiling: 'max_tokens', ceilingTokens: 16, streamOptions: false };
    expect(to('{"model":"m"}', 'm', { holdNanoUsd: 1n })).toEqual(['{"max_tokens":16,"model":"m"}', injected]);
    expect(to('{"model":"m","max_tokens":null}', 'm', { holdNanoUsd: 1n })[0]).toBe('{"model":"m","max_tokens":16}');
    expect(to('{"model":"m","max_tokens":0}', 'm', { holdNanoUsd: 1n })[0]).toBe('{"model":"m","max_tokens":0}');
    expect(to('{"model":"m"}', 'm')[0]).toBe('{"model":"m"}');
  });
  it('is asked for the usage of a stream', () => {
    expect(to('{"model":"m","stream":true}', 'm')[0]).toBe(
      '{"stream_options":{"include_usage":true},"model":"m","stream":true}',
    );
  });
});

describe('an answer of completions', () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const reply = (fields: object) =>
    Buffer.from(
      JSON.stringify({
        id: 'cmpl-1',
        object: 'text_completion',
        choices: [{ index: 0, text: 'some words of text', finish_reason: 'stop' }],
        ...fields,
      }),
    );
  it('is read with its usage, or counted', () => {
    expect(ask({}).readReply(reply({ usage }), null)).toMatchObject({
      kind: 'answer',
      report: { inputTokens: 3, outputTokens: 2 },
    });
    expect(ask({}).readReply(reply({}), null)).toMatchObject({ kind: 'answer', report: null, countedOutputTokens: 5 });
    expect(ask({}).readReply(Buffer.from('{"error":{"message":"m","code":429}}'), null)).toMatchObject({
      error: { status: 429 },
    });
  });
  it('is counted without the prompt that it repeats', () => {
    const asked = ask({ prompt: 'some words', echo: true });
    expect(asked.readReply(reply({}), null)).toMatchObject({ countedOutputTokens: 2 });
    const events = asked.readStream(null);
    events.take(Buffer.from('data: {"choices":[{"index":0,"text":"some words of text","finish_reason":null}]}\n\n'));
    expect(events.countedTokens()).toBe(2);
  });
  it('tells a usage that its provider did not tell in an event of its own endpoint', () => {
    const event = openAiCompletions.usageWords!.event({ total_tokens: 3 }, 'id', 'm');
    expect(JSON.parse(event.slice('data: '.length))).toMatchObject({ object: 'text_completion', choices: [] });
    const ofChat = openAiChat.usageWords!.event({ total_tokens: 3 }, 'id', 'm');
    expect(JSON.parse(ofChat.slice('data: '.length))).toMatchObject({ object: 'chat.completion.chunk' });
  });
  it('is streamed as a chat is, and its usage shown to who asks for it', () => {
    const chunk = (fields: object) =>
      `data: ${JSON.stringify({ object: 'text_completion', choices: [], ...fields })}\n\n`;
    const text = (word: string, end: string | null = null) =>
      chunk({ choices: [{ index: 0, text: word, logprobs: null, finish_reason: end }] });
    const upstream = `${text('a')}${text(' b')}${text(' c', 'stop')}${chunk({ usage })}data: [DONE]\n\n`;
    for (const [fields, shown] of [
      [{ stream: true }, false],
      [{ stream: true, stream_options: { include_usage: true } }, true],
    ] as const) {
      const events = ask(fields).readStream(null);
      const part = events.take(Buffer.from(upstream));
      expect(part.events + part.tail).toBe(shown ? upstream : upstream.replace(chunk({ usage }), ''));
      expect(events).toMatchObject({ opened: true, finished: true, error: null, report: { outputTokens: 2 } });
    }
  });
});
