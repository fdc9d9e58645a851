import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTHING_INJECTED } from '../../providers/injected-fields.js';
import type { Target } from '../../request-path/choose-route/route-table.js';
import { isRefusal, type Refusal } from '../../request-path/exchange/refusal.js';
import type { Ask, UpstreamCall } from '../ask.js';
import { openAiEmbeddings } from './openai-embeddings.js';

const read = (body: string) => openAiEmbeddings.read(Buffer.from(body)) as Ask | Refusal;
function ask(fields: object): Ask {
  const asked = read(JSON.stringify({ model: 'm', ...fields }));
  if (isRefusal(asked)) throw new Error(`refused: ${asked.message}`);
  return asked;
}
const bytes = (fields: object): number => JSON.stringify({ model: 'm', ...fields }).length;

describe('a request for embeddings', () => {
  it('is never a stream, and has no output', () => {
    expect(ask({ input: 'hi', stream: true })).toMatchObject({
      model: 'm',
      stream: false,
      namedOutputTokens: 0,
      choices: 0,
    });
  });
  it.each<[string, unknown, (fields: object) => number]>([
    ['a text', 'hello', bytes],
    ['texts', ['hello', 'you'], bytes],
    ['an empty text', '', bytes],
    ['no texts', [], () => 0],
    ['nothing', null, () => 0],
    ['tokens', [1, 22, 333], () => 3],
    ['lists of tokens, with two that a model may add to each', [[1, 22], [333], []], () => 3 + 2 * 3],
    ['texts beside tokens, which no provider takes', ['hello', 7, [8]], bytes],
  ])('has a bound for %s', (_what, input, tokens) => {
    expect(ask({ input }).limits()).toEqual({
      contentTokensMax: tokens({ input }),
      media: [],
      ceiling: null,
      choices: 0,
    });
  });
  it.each<[string, unknown]>([
    ['a number', 7],
    ['an object', { text: 'hi' }],
    ['parts', [{ type: 'image_url', image_url: { url: 'https://x.example/a.png' } }]],
    ['lists of texts', [['hi']]],
    ['lists of lists', [[[1]]]],
    ['words that are no text', ['hi', null]],
    ['truths', [true]],
  ])('has none for %s: a key with a limit is refused, by the field', (_what, input) => {
    expect(ask({ input }).limits()).toMatchObject({ kind: 'refusal', code: 'unbounded_cost', param: 'input' });
    expect(ask({ input }).mayReadMore('m')).toBe(true);
  });
  it('counts tokens exactly, and four bytes of text for one', () => {
    expect(ask({ input: [1, 2, 3] }).inputTokensEstimate).toBe(3);
    expect(ask({ input: [[100_000], [2, 3]] }).inputTokensEstimate).toBe(3);
    expect(ask({ input: 'x'.repeat(38) }).inputTokensEstimate).toBe(10);
    // An escape counts as one character, whatever its number of bytes.
    expect(ask({ input: 'x'.repeat(38) }).inputTokensEstimate).toBe(
      (read(`{"model":"m","input":"${'\\u0078'.repeat(38)}"}`) as Ask).inputTokensEstimate,
    );
  });
  it('believes no report above a token for each byte, or above the tokens that it was sent', () => {
    expect(ask({ input: 'hi' }).inputTokensAllowed).toBe(bytes({ input: 'hi' }) + 64);
    expect(ask({ input: [1, 2, 3] }).inputTokensAllowed).toBe(67);
    expect(ask({ input: 'hi' }).mayReadMore('m')).toBe(false);
  });
  it('is counted closer by a tokenizer, with two tokens around each text', () => {
    const words = (text: string): number => text.split(' ').length;
    expect(ask({ input: 'one two three' }).countContent(words)).toBe(5);
    expect(ask({ input: ['one two', 'three'] }).countContent(words)).toBe(7);
    expect(ask({ input: [5, 6] }).countContent(words)).toBe(2);
    expect(ask({ input: [[5, 6], [7]] }).countContent(words)).toBe(7);
  });
  it('holds the bound over what any tokenizer of bytes counts, whatever it is sent', () => {
    const input = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.string({ unit: 'grapheme' })),
      fc.array(fc.nat()),
      fc.array(fc.array(fc.nat())),
    );
    fc.assert(
      fc.property(input, (value) => {
        const asked = ask({ input: value });
        const limits = asked.limits();
        if (isRefusal(limits)) return false;
        const items: readonly unknown[] = Array.isArray(value) ? value : [value];
        const used = items.reduce<number>(
          (sum, item) =>
            sum + (typeof item === 'string' ? Buffer.byteLength(item) : Array.isArray(item) ? item.length : 1),
          0,
        );
        return used <= limits.contentTokensMax && asked.inputTokensEstimate <= asked.inputTokensAllowed;
      }),
    );
  });
  it.each([
    ['{"model":"m","input":"a"', 'invalid_json', null],
    ['["a"]', 'invalid_request', null],
    ['{"input":"a"}', 'invalid_request', 'model'],
    ['{"model":7,"input":"a"}', 'invalid_request', 'model'],
    ['{"model":"m\\u0000","input":"a"}', 'invalid_request', 'model'],
    ['{"model":"m","model":"n","input":"a"}', 'invalid_request', 'model'],
    ['{"model":"m","input":"a","input":["b"]}', 'invalid_request', 'input'],
    ['{"model":"m","Input":"a"}', 'invalid_request', 'input'],
    ['{"model":"m","inp\\u0075t":"a"}', 'invalid_request', 'input'],
    ['{"model":"m","input\\u200b":"a"}', 'invalid_request', null],
    ['{"model":"m","input":"a\n"}', 'invalid_json', null],
    ['{"model":"m","input":[1,]}', 'invalid_json', null],
    ['{"model":"m","input":[01]}', 'invalid_json', null],
  ])('is refused as a chat is: %s', (body, code, param) => {
    expect(read(body)).toMatchObject({ kind: 'refusal', code, param });
  });
  it('tells fields that lead elsewhere, cost more, or are not known', () => {
    const fields = { api_base: 'x', messages: [], from_the_future: 1, myEndpoint: 'x', user: 'u', dimensions: 8 };
    expect(ask({ input: 'a', ...fields }).others.map(({ name, use }) => [name, use])).toEqual([
      ['api_base', 'elsewhere'],
      ['messages', 'unbounded'],
      ['from_the_future', 'unknown'],
      ['myEndpoint', 'elsewhere'],
    ]);
  });
  it('is sent on as it came, but for the model', () => {
    const body = '{ "input":[ 1.0e0, "\\u0041" ],\t"model" : "m","encoding_format":"base64", "dimensions":1e2 }';
    const asked = read(body) as Ask;
    const call = { injected: { ...NOTHING_INJECTED, streamOptions: true } } as UpstreamCall;
    const to = (model: string) => asked.bodyFor({ model } as Target, call).toString();
    expect(to('m')).toBe(body);
    expect(to('text-embedding-3-small')).toBe(body.replace('"m"', '"text-embedding-3-small"'));
    expect(call.injected).toEqual(NOTHING_INJECTED);
  });
  it('is read in steps where it is large, and comes to the same', async () => {
    const input = Array.from({ length: 2_000 }, (_, i) => `text ${i} \u4e2d`.repeat(30));
    const large = await openAiEmbeddings.read(Buffer.from(JSON.stringify({ model: 'm', input })));
    expect(large).toMatchObject({ model: 'm', fields: { hasText: true, isBounded: true, tokens: 0 } });
    const tokens = Array.from({ length: 300 }, () => Array.from({ length: 500 }, (_, i) => i));
    expect(await openAiEmbeddings.read(Buffer.from(JSON.stringify({ model: 'm', input: tokens })))).toMatchObject({
      inputTokensEstimate: 150_000,
    });
    const broken = await openAiEmbeddings.read(Buffer.from(`{"model":"m","input":${JSON.stringify(input)}`));
    expect(broken).toMatchObject({ code: 'invalid_json' });
  });
});
