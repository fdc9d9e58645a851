import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerEvent } from './answer.js';
import { OPENAI_TOOL_NAMES, SAME_NAMES, toolNames } from './names.js';
import { PartOrder } from './part-order.js';
import { accumulate, errorOf } from './testing/accumulate.js';

type Step =
  | { readonly do: 'text'; readonly key: number; readonly kind: 'text' | 'thinking' | 'refusal'; readonly text: string }
  | { readonly do: 'call' | 'close'; readonly key: number }
  | { readonly do: 'input'; readonly key: number; readonly text: string }
  | { readonly do: 'seal' | 'usage' | 'finish' | 'end' | 'error' | 'start'; readonly key: number };

const usage = { inputTokens: 1, outputTokens: 1, cachedInputTokens: 0, reasoningTokens: 0 };
const key = fc.nat(3);
const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('text' as const),
        key,
        kind: fc.constantFrom('text' as const, 'thinking' as const, 'refusal' as const),
        text: fc.string({ maxLength: 3 }),
      }),
    } as never,
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('input' as const), key, text: fc.string({ maxLength: 3 }) }),
    } as never,
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('call' as const, 'close' as const), key }) } as never,
    fc.record({ do: fc.constantFrom('seal' as const, 'usage' as const, 'finish' as const, 'start' as const), key }),
    fc.record({ do: fc.constantFrom('end' as const, 'error' as const), key }),
  ),
  { maxLength: 40 },
);

describe('the order of the parts of a stream', () => {
  it('obeys the grammar whatever comes, and ends once', () =>
    fc.assert(
      fc.property(steps, (all) => {
        const order = new PartOrder(SAME_NAMES);
        const events = [...all.flatMap((step) => play(order, step)), ...order.end()];
        errorOf(events);
        expect(events.filter(({ type }) => type === 'end' || type === 'error')).toHaveLength(1);
        expect(order.end()).toEqual([]);
      }),
    ));

  it('sends each piece at once while its part is open, and keeps others until it closes', () => {
    const order = new PartOrder(SAME_NAMES);
    expect(order.start('id', 'm', 7)).toEqual([{ type: 'start', id: 'id', model: 'm', createdAt: 7 }]);
    expect(order.call('0', { id: 'a', name: 'f', custom: false })).toHaveLength(1);
    expect(order.call('1', { id: 'b', name: 'g', custom: false })).toEqual([]);
    expect(order.input('0', '{"x"')).toEqual([{ type: 'delta', index: 0, text: '{"x"' }]);
    expect(order.input('1', '{}')).toEqual([]);
    expect(order.input('0', ':1}')).toEqual([{ type: 'delta', index: 0, text: ':1}' }]);
    expect(order.close('0')).toEqual([
      { type: 'close', index: 0 },
      { type: 'open', index: 1, part: { kind: 'tool_call', id: 'b', name: 'g', custom: false } },
      { type: 'delta', index: 1, text: '{}' },
    ]);
    order.finish({ reason: 'stop', stopSequence: null });
    expect(order.end()).toEqual([
      { type: 'close', index: 1 },
      { type: 'finish', finish: { reason: 'tool_calls', stopSequence: null } },
      { type: 'end' },
    ]);
  });

  it('opens a new part for text that comes after its part has closed', () => {
    const order = new PartOrder(SAME_NAMES);
    const events = [
      ...order.start('id', 'm', null),
      ...order.text('t', 'text', 'a'),
      ...order.close('t'),
      ...order.text('t', 'text', 'b'),
    ];
    order.finish({ reason: 'stop', stopSequence: null });
    expect(accumulate([...events, ...order.end()]).parts).toEqual([
      { kind: 'text', text: 'a', citations: [] },
      { kind: 'text', text: 'b', citations: [] },
    ]);
  });

  it('gives names and inputs of custom tools back, and ids and inputs to calls that have none', () => {
    const long = 'apply_patch'.repeat(9);
    const names = toolNames([{ name: long, custom: true }], OPENAI_TOOL_NAMES);
    const order = new PartOrder(names);
    const events = [
      ...order.start('chatcmpl-1', 'm', null),
      ...order.call('0', { id: '', name: names.sent(long), custom: false }),
      ...order.input('0', '{"inp'),
      ...order.input('0', 'ut":"*** a\\n"}'),
      ...order.call('1', { id: '', name: 'f', custom: false }),
    ];
    order.finish({ reason: 'tool_calls', stopSequence: null });
    expect(accumulate([...events, ...order.end()]).parts).toEqual([
      { kind: 'tool_call', id: 'call_chatcmpl-1_0', name: long, input: '*** a\n', custom: true },
      { kind: 'tool_call', id: 'call_chatcmpl-1_1', name: 'f', input: '{}', custom: false },
    ]);
  });

  it.each<[string, (order: PartOrder) => AnswerEvent[], RegExp]>([
    ['that ends without a reason', () => [], /ended its stream before/],
    [
      'that goes on with a call that is complete',
      (order) => [
        ...order.call('0', { id: 'a', name: 'f', custom: false }),
        ...order.close('0'),
        ...order.input('0', '{'),
      ],
      /more input for a tool call/,
    ],
  ])('makes an error of a stream %s', (_what, run, message) => {
    const order = new PartOrder(SAME_NAMES);
    expect(errorOf([...run(order), ...order.end()])?.message).toMatch(message);
  });
});

function play(order: PartOrder, step: Step): AnswerEvent[] {
  const text = `t${step.key}`;
  const call = `c${step.key}`;
  switch (step.do) {
    case 'text':
      return order.text(`${step.kind}${step.key}`, step.kind, step.text);
    case 'call':
      return order.call(call, { id: `${step.key}`, name: 'f', custom: false });
    case 'input':
      return order.input(call, step.text);
    case 'close':
      return [...order.close(call), ...order.close(`text${step.key}`), ...order.close(`thinking${step.key}`)];
    case 'seal':
      return [
        ...order.seal(`thinking${step.key}`, { maker: 'anthropic', kind: 'signature', data: 's' }),
        ...order.close(`thinking${step.key}`),
      ];
    case 'usage':
      return order.usage(usage);
    case 'finish':
      order.finish({ reason: 'stop', stopSequence: null });
      return [];
    case 'start':
      return order.start(text, 'm', null);
    case 'error':
      return order.error({ kind: null, type: null, code: null, message: 'm' });
    case 'end':
      return order.end();
    default:
      return step satisfies never;
  }
}
