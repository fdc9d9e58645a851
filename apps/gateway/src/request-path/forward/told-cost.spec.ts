import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAiUsageWords } from '../../dialects/openai/usage-words.js';
import { replyWithCost, UsageHold } from './told-cost.js';

const CHARGE = 123_000n;
const told = (body: string, missing: object | null = null) =>
  JSON.parse(replyWithCost(Buffer.from(body), CHARGE, missing).toString()) as { usage?: Record<string, unknown> };

describe('a plain reply with its cost', () => {
  it('has it in its usage, and is the same besides', () => {
    expect(told('{"id":"é","choices":[],"usage":{"prompt_tokens":3}}')).toEqual({
      id: 'é',
      choices: [],
      usage: { prompt_tokens: 3, cost: 0.000123 },
    });
    const body = '{ "big" : 1e400, "id":"x" , "usage" : {"a":1} }\n';
    expect(replyWithCost(Buffer.from(body), 0n, null).toString()).toBe(
      '{ "big" : 1e400, "id":"x" , "usage" : {"a":1,"cost":0} }\n',
    );
  });
  it('has it where the usage stands before the rest, or is missing', () => {
    expect(told('{"usage":{"a":1},"data":[{"usage":2}]}').usage).toEqual({ a: 1, cost: 0.000123 });
    expect(told('{"choices":[]}', { prompt_tokens: 3 }).usage).toEqual({ prompt_tokens: 3, cost: 0.000123 });
    expect(told('{"choices":[],"usage":null}', { prompt_tokens: 3 }).usage).toMatchObject({ cost: 0.000123 });
    expect(told('{"choices":[]}')).toEqual({ choices: [] });
  });
  it.each([
    ['{ "usage" : {"a":1} , "n":2512292042121000001 }', '{ "usage" : {"a":1,"cost":0} , "n":2512292042121000001 }'],
    ['{"usage":null,"n":1e400}', '{"usage":{"b":0.1,"cost":0},"n":1e400}'],
    ['{"n":0.1000}\n', '{"n":0.1000,"usage":{"b":0.1,"cost":0}}\n'],
    ['{}', '{"usage":{"b":0.1,"cost":0}}'],
  ])('has all its other bytes wherever the usage stands: %s', (body, sent) => {
    expect(replyWithCost(Buffer.from(body), 0n, { b: 0.1 }).toString()).toBe(sent);
  });
  it('does not tell what the provider says of its own cost', () => {
    expect(
      told('{"usage":{"a":1,"cost":7,"is_byok":false,"cost_details":{"upstream_inference_cost":7}}}').usage,
    ).toEqual({ a: 1, cost: 0.000123 });
  });
  it('has no cost, not one of nothing, where what it cost is not known', () => {
    const body = '{"usage":{"a":1,"cost":7}}';
    expect(replyWithCost(Buffer.from(body), null, null).toString()).toBe('{"usage":{"a":1}}');
    expect(replyWithCost(Buffer.from('{"n":1}'), null, { a: 1 }).toString()).toBe('{"n":1,"usage":{"a":1}}');
    const hold = new UsageHold();
    hold.pass(`data: ${body}\n\n`);
    expect(hold.finish('', null, () => '')).toBe('data: {"usage":{"a":1}}\n\n');
  });
  it('has a fingerprint if it is a chat completion', () => {
    const body = '{"object":"chat.completion","usage":{"a":1}}';
    expect(replyWithCost(Buffer.from(body), 0n, null).toString()).toBe(
      '{"system_fingerprint":null,"object":"chat.completion","usage":{"a":1,"cost":0}}',
    );
    expect(told('{"object":"chat.completion","system_fingerprint":"fp_1","usage":{"a":1}}')).toMatchObject({
      system_fingerprint: 'fp_1',
    });
  });
  it('is left as it is where it is no object', () => {
    for (const body of ['', '[]', 'x', '{"usage":{"a":1}', '"usage"'])
      expect(replyWithCost(Buffer.from(body), CHARGE, {}).toString()).toBe(body);
  });
  it('is the charge in USD, to the nano-USD', () => {
    for (const [nano, text] of [
      [0n, '0'],
      [1n, '1e-9'],
      [1_500_000_000n, '1.5'],
      [123_456_789_012n, '123.456789012'],
    ] as const)
      expect(replyWithCost(Buffer.from('{"usage":{}}'), nano, null).toString()).toBe(`{"usage":{"cost":${text}}}`);
  });
});

const chunk = (text: string, end = '') => `data: {"choices":[{"delta":{"content":${JSON.stringify(text)}}}]${end}}\n\n`;
const usage = (tokens: number) => `data: {"choices":[],"usage":{"prompt_tokens":${tokens}}}\n\n`;
const DONE = 'data: [DONE]\n\n';
const none = (): string => '';
const CHAT_WORDS = openAiUsageWords('chat.completion.chunk');

describe('the usage of a stream', () => {
  it('waits for the cost if it is the last event', () => {
    const hold = new UsageHold();
    expect(hold.pass(chunk('a') + chunk('"usage":{'))).toBe(chunk('a') + chunk('"usage":{'));
    expect(hold.pass(chunk('b') + usage(3))).toBe(chunk('b'));
    expect(hold.finish(DONE, CHARGE, none)).toBe(
      `data: {"choices":[],"usage":{"prompt_tokens":3,"cost":0.000123}}\n\n${DONE}`,
    );
  });
  it.each([',"usage":null', ' , "usage" : null', ',"usage":null,"x":1'])('is left out where it is null: %s', (end) => {
    const hold = new UsageHold();
    const passed = hold.pass(chunk('a,"usage":null,', end)) + hold.finish(chunk('b', end) + DONE, 0n, none);
    const rest = end.replace(/^.*null/, '');
    expect(passed).toBe(chunk('a,"usage":null,', rest) + chunk('b', rest) + DONE);
    expect(new UsageHold().pass('data: {"usage":null,"choices":[]}\n\n')).toBe('data: {"choices":[]}\n\n');
  });
  it('passes unchanged if more follows', () => {
    const hold = new UsageHold();
    expect(hold.pass(usage(1))).toBe('');
    expect(hold.pass('')).toBe('');
    expect(hold.pass(chunk('a'))).toBe(usage(1) + chunk('a'));
    expect(hold.pass(usage(2))).toBe('');
    expect(hold.pass(usage(3))).toBe(usage(2));
    expect(hold.finish('', CHARGE, none)).toContain('"prompt_tokens":3,"cost":0.000123');
  });
  it('gets the cost in the last event itself, nested or with other line ends', () => {
    const event = 'event: response.completed\r\ndata: {"response":{"usage": {"input_tokens":1}}}\r\n\r\n';
    expect(new UsageHold().finish(event, 0n, none)).toBe(
      'event: response.completed\r\ndata: {"response":{"usage": {"input_tokens":1,"cost":0}}}\r\n\r\n',
    );
    const hold = new UsageHold();
    expect(hold.pass(`: hi\r\n\r\n${event}`)).toBe(': hi\r\n\r\n');
  });
  it('is made where the provider told none', () => {
    const made = new UsageHold().finish(DONE, CHARGE, (cost) =>
      CHAT_WORDS.event(
        {
          ...CHAT_WORDS.object({
            inputTokens: 3,
            outputTokens: 4,
            cachedInputTokens: 1,
            reasoningTokens: 2,
          }),
          ...cost,
        },
        'id',
        'modèle',
      ),
    );
    const [first, second] = made.split('\n\n');
    expect(JSON.parse(Buffer.from(first!.slice(6), 'latin1').toString())).toMatchObject({
      model: 'modèle',
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, cost: 0.000123 },
    });
    expect(second).toBe('data: [DONE]');
  });
  it.each([
    ': ping\n\n',
    ': OPENROUTER PROCESSING\r\n\r\n',
    ':\r\r',
    '\n',
    'retry: 5\n\n',
    'id: 7\n\n',
    'event: ping\ndata: {"type": "ping"}\n\n',
    'data: {"choices":[],"usage":null}\n\n',
    'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}\n\n',
    'data: {"object":"heartbeat"}\n\n',
    'data: not json\n\n',
    'data: {"error":{"message":"late"}}\n\n',
  ])('waits for the cost whatever delivers nothing after it: %j', (after) => {
    const told = '"usage":{"prompt_tokens":3,"cost":0.000123}';
    const shown = after.replace(',"usage":null', '');
    for (const pieces of [[usage(3) + after], [usage(3), after], [chunk('a') + usage(3), after, after]]) {
      const hold = new UsageHold();
      const sent = pieces.map((piece) => hold.pass(piece)).join('') + hold.finish(DONE, CHARGE, none);
      expect(sent).toContain(told);
      expect(sent.endsWith(shown + DONE)).toBe(true);
    }
  });
  it.each([
    chunk('a'),
    'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}\n\n',
    'data: {"choices":[{"index":0,"text":"a"}]}\n\n',
    'event: content_block_start\ndata: {"type":"content_block_start"}\n\n',
    'event: response.in_progress\ndata: {"type":"response.in_progress"}\n\n',
  ])('passes once more of the answer follows, whatever comes between: %j', (more) => {
    const hold = new UsageHold();
    expect(hold.pass(`${usage(1)}: ping\n\n`)).toBe('');
    expect(hold.pass(': ping\n\n')).toBe('');
    expect(hold.pass(more)).toBe(`${usage(1)}: ping\n\n: ping\n\n${more}`);
    expect(new UsageHold().pass(usage(1) + more)).toBe(usage(1) + more);
  });
  it('waits for no more than 64 KiB', () => {
    const hold = new UsageHold();
    expect(hold.pass(usage(1))).toBe('');
    const comment = `: ${'c'.repeat(40_000)}\n\n`;
    expect(hold.pass(comment)).toBe('');
    expect(hold.pass(comment)).toBe(usage(1) + comment + comment);
  });
  it('adds nothing but the cost, however the events arrive', () => {
    const events = fc.array(
      fc.oneof(fc.string({ unit: 'grapheme-ascii' }).map(chunk), fc.nat(9).map(usage), fc.constant(': ping\n\n')),
      { maxLength: 12 },
    );
    const isQuiet = (event: string): boolean => event.startsWith(':') || event === chunk('');
    const isUsage = (event: string): boolean => event.startsWith('data: {"choices":[],"usage"');
    fc.assert(
      fc.property(events, fc.array(fc.nat(3), { maxLength: 12 }), (all, cuts) => {
        const hold = new UsageHold();
        let sent = '';
        for (let at = 0, turn = 0; at < all.length; turn++) {
          const until = at + 1 + (cuts[turn] ?? 0);
          sent += hold.pass(all.slice(at, until).join(''));
          at = until;
        }
        sent += hold.finish(DONE, CHARGE, none);
        expect(sent.replace(',"cost":0.000123', '')).toBe(all.join('') + DONE);
        expect(sent.includes('"cost"')).toBe(isUsage(all.findLast((event) => !isQuiet(event)) ?? ''));
      }),
    );
  });
});
