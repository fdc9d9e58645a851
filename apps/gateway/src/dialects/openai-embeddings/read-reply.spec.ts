import { describe, expect, it } from 'vitest';
import { readReply } from './read-reply.js';

const vector = (embedding: unknown, index = 0) => ({ object: 'embedding', index, embedding });
const usage = { prompt_tokens: 7, total_tokens: 7 };
const list = (more: object = { usage }, data: unknown = [vector([0.1, -2e-3])]) => ({
  object: 'list',
  data,
  model: 'm',
  ...more,
});
const report = { inputTokens: 7, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
const read = (body: unknown) => readReply(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

describe('a reply of embeddings', () => {
  it.each<[string, unknown]>([
    ['numbers', list()],
    ['base64', list({ usage }, [vector('AACAPwAAAEA=')])],
    ['several vectors', list({ usage }, [vector([1]), vector([2], 1)])],
    ['usage before the vectors', { object: 'list', usage, data: [vector([1])] }],
    ['the vector before its kind', list({ usage }, [{ embedding: [1], index: 0, object: 'embedding' }])],
    ['the total alone', list({ usage: { total_tokens: 7 } })],
    ['white space', JSON.stringify(list(), null, 2)],
    ['a byte order mark', `\ufeff${JSON.stringify(list())}`],
    ['an empty error', list({ error: null, usage })],
    ['a vector for each token', list({ usage }, [vector([[1], [2]])])],
  ])('is one with %s, and its report is believed', (_what, body) => {
    expect(read(body)).toEqual({ kind: 'answer', report, countedOutputTokens: 0 });
  });
  it.each<[string, unknown]>([
    ['no usage', list({})],
    ['an empty usage', list({ usage: {} })],
    ['zeros', list({ usage: { prompt_tokens: 0, total_tokens: 0 } })],
    ['words', list({ usage: { prompt_tokens: 'many', total_tokens: null } })],
    ['a negative number', list({ usage: { prompt_tokens: -7 } })],
    ['no number of tokens', list({ usage: { prompt_tokens: 1e12 } })],
    ['a list', list({ usage: [7] })],
  ])('reports nothing with %s: then we count', (_what, body) => {
    expect(read(body)).toEqual({ kind: 'answer', report: null, countedOutputTokens: 0 });
  });
  it.each<[string, unknown, number]>([
    ['an error', { error: { message: 'm', code: 'rate_limit_exceeded' } }, 429],
    ['an error beside a list', list({ error: { code: 400, message: 'too long' }, usage }), 400],
    ['an error in a list of one', [{ error: { code: 503 } }], 503],
    ['vLLM’s error', { object: 'error', message: 'm', code: 400 }, 400],
    ['a page', '<html><body>Welcome</body></html>', 502],
    ['nothing', '', 502],
    ['half a list', JSON.stringify(list()).slice(0, 40), 502],
    ['no data', { object: 'list', model: 'm', usage }, 502],
    ['no vectors', list({ usage }, []), 502],
    ['an empty vector', list({ usage }, [vector([])]), 502],
    ['an empty text for a vector', list({ usage: {} }, [vector('')]), 502],
    ['an item that is none', list({ usage: {} }, [vector([1]), null]), 502],
    ['data that is a text', list({ usage }, 'embedding'), 502],
    ['a chat completion', { choices: [{ message: { content: 'hi' } }], usage }, 502],
    ['two lists, one in the other', [list()], 502],
  ])('is none with %s', (_what, body, status) => {
    expect(read(body)).toMatchObject({ kind: 'no_answer', error: { status } });
  });
  it('is not parsed where it is large, whatever it reports', () => {
    const data = Array.from({ length: 200 }, (_, index) =>
      vector(
        Array.from({ length: 1_536 }, () => 0.0123456789),
        index,
      ),
    );
    const large = (more: object) => ({ object: 'list', data, ...more });
    expect(read(large({ model: 'm', usage }))).toEqual({ kind: 'answer', report, countedOutputTokens: 0 });
    expect(read({ usage, ...large({}) })).toEqual({ kind: 'answer', report, countedOutputTokens: 0 });
    expect(read(large({}))).toEqual({ kind: 'answer', report: null, countedOutputTokens: 0 });
    expect(read(large({ error: { code: 429 } }))).toMatchObject({ kind: 'no_answer' });
    expect(read('x'.repeat(2_000_000))).toMatchObject({ kind: 'no_answer', error: { status: 502 } });
  });
});
