import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ToolResult, Turn } from './conversation.js';
import { turns } from './testing/turns.js';
import { orderTurns } from './turn-order.js';

const user = (text: string): Turn => ({ role: 'user', parts: [{ kind: 'text', text }] });
const calls = (...ids: string[]): Turn => ({
  role: 'assistant',
  parts: ids.map((id) => ({ kind: 'tool_call', id, name: 'f', input: '{}', custom: false })),
});
const result = (callId: string, text = `of ${callId}`): ToolResult => ({
  callId,
  parts: [{ kind: 'text', text }],
  isError: false,
  custom: false,
});
const results = (...ids: string[]): Turn => ({ role: 'tool', results: ids.map((id) => result(id)) });

describe('the order of turns', () => {
  it.each<[string, Turn[], Turn[]]>([
    [
      'results come first, and what stood between them follows',
      [calls('1', '2'), user('a'), results('1'), user('b'), results('2')],
      [calls('1', '2'), results('1', '2'), user('a'), user('b')],
    ],
    [
      'neighbouring turns of results become one, in the order of the calls',
      [calls('1', '2'), results('2'), results('1')],
      [calls('1', '2'), results('1', '2')],
    ],
    [
      'calls of neighbouring turns are answered side by side',
      [calls('1'), calls('2'), results('1'), results('2')],
      [calls('1', '2'), results('1', '2')],
    ],
    [
      'a result goes back to its call, past a later one',
      [calls('1'), user('a'), calls('2'), results('1', '2')],
      [calls('1'), results('1'), user('a'), calls('2'), results('2')],
    ],
    [
      'a call after a result stays behind it',
      [calls('1'), results('1'), calls('2'), results('2')],
      [calls('1'), results('1'), calls('2'), results('2')],
    ],
    [
      'an id that comes again gets another name, for its result too',
      [calls('1'), results('1'), calls('1'), results('1')],
      [calls('1'), results('1'), calls('1_2'), { role: 'tool', results: [result('1_2', 'of 1')] }],
    ],
    [
      'an id that comes twice side by side is answered in order',
      [calls('1', '1', '1_2'), { role: 'tool', results: [result('1', 'x'), result('1', 'y')] }, results('1_2')],
      [calls('1', '1_3', '1_2'), { role: 'tool', results: [result('1', 'x'), result('1_3', 'y'), result('1_2')] }],
    ],
    [
      'two results of one call become one',
      [calls('1'), { role: 'tool', results: [result('1', 'x'), result('1', 'y')] }],
      [
        calls('1'),
        {
          role: 'tool',
          results: [{ ...result('1', 'x'), parts: [...result('1', 'x').parts, ...result('1', 'y').parts] }],
        },
      ],
    ],
  ])('%s', (_what, before, after) => expect(orderTurns(before, 'messages')).toEqual(after));

  it.each<[string, Turn[], RegExp]>([
    ['a result without a call', [user('a'), results('1')], /needs a tool call before it/],
    ['a result before its call', [results('1'), calls('1'), user('a')], /needs a tool call before it/],
    ['a call without a result', [calls('1'), user('a')], /needs a result after it/],
    ['a last turn of the assistant', [user('a'), { role: 'assistant', parts: [] }], /last turn/],
  ])('refuses %s', (_what, before, message) =>
    expect(orderTurns(before, 'messages')).toEqual({
      kind: 'fault',
      param: 'messages',
      message: expect.stringMatching(message) as string,
    }),
  );

  const everything = turns({
    systemAnywhere: true,
    images: true,
    imageDetail: true,
    documents: ['url', 'data', 'text'],
    documentCitations: true,
    audio: true,
    cacheMarks: true,
    customTools: true,
    resultImages: true,
    resultErrors: true,
    refusals: true,
    thoughts: 'anthropic',
  });
  it('leaves turns in order as they are', () =>
    fc.assert(
      fc.property(everything, (ordered) => {
        expect(orderTurns(ordered, 'messages')).toEqual(ordered);
      }),
    ));

  it('comes out the same wherever results and other turns stood between call and next answer', () =>
    fc.assert(
      fc.property(everything, fc.infiniteStream(fc.boolean()), (ordered, choices) => {
        expect(orderTurns(scattered(ordered, choices), 'messages')).toEqual(ordered);
      }),
    ));
});

/** Each result becomes a turn of its own, and some change places with the user's turn that follows them. */
function scattered(ordered: readonly Turn[], choices: Iterator<boolean>): readonly Turn[] {
  const single = ordered.flatMap((turn): Turn[] =>
    turn.role === 'tool' ? turn.results.map((each) => ({ role: 'tool', results: [each] })) : [turn],
  );
  for (let at = single.length - 2; at >= 0; at--) {
    const [here, next] = [single[at], single[at + 1]];
    if (here?.role === 'tool' && (next?.role === 'user' || next?.role === 'system') && choices.next().value === true)
      single.splice(at, 2, next, here);
  }
  return single;
}
