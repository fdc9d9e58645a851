import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerPart } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { SAME_NAMES } from '../names.js';
import { accumulate } from '../testing/accumulate.js';
import { cutsOf } from '../testing/events.js';
import { words } from '../testing/words.js';
import { readReply } from './read-reply.js';
import { readStream } from './read-stream.js';

/** Thoughts as OpenRouter gives them: signed, encrypted, summed up, or none of these. */
interface Detail {
  readonly text: string;
  readonly seal: 'signature' | 'encrypted' | 'none';
}
interface Upstream {
  readonly details: readonly Detail[];
  /** Whether `reasoning` tells the texts too. */
  readonly tellsText: boolean;
  /** A text in `reasoning` beside details that have none of their own. */
  readonly onlyText: string;
}

function whole({ text, seal }: Detail, index: number): JsonObject {
  if (seal === 'encrypted')
    return {
      type: 'reasoning.encrypted',
      format: 'openai-responses-v1',
      index,
      id: `rs_${index}`,
      data: `data${index}`,
    };
  const signed = seal === 'signature' ? { signature: `signature${index}` } : {};
  return { type: 'reasoning.text', format: 'anthropic-claude-v1', index, text, ...signed };
}

/** A detail in the deltas of a stream: its text in pieces, and its signature in a piece of its own. */
function piecesOf(detail: Detail, index: number, tellsText: boolean): fc.Arbitrary<readonly JsonObject[]> {
  const { signature, ...unsigned } = whole(detail, index);
  if (detail.seal === 'encrypted') return fc.constant([{ reasoning_details: [unsigned] }]);
  const signing = signature === undefined ? [] : [{ reasoning_details: [{ ...unsigned, text: '', signature }] }];
  return cutsOf(detail.text).map((cuts) => [
    ...cuts.map((text) => ({ ...(tellsText && { reasoning: text }), reasoning_details: [{ ...unsigned, text }] })),
    ...signing,
  ]);
}

const detail = fc.oneof(
  fc.record({ text: words, seal: fc.constantFrom('signature' as const, 'none' as const) }),
  fc.constant<Detail>({ text: '', seal: 'encrypted' }),
);
const upstreams = fc
  .record({ details: fc.array(detail, { maxLength: 4 }), tellsText: fc.boolean(), onlyText: words })
  .chain((upstream) =>
    fc.tuple(
      fc.constant(upstream),
      fc.tuple(...upstream.details.map((each, index) => piecesOf(each, index, upstream.tellsText))),
    ),
  );

const texts = ({ details }: Upstream): string => details.map(({ text }) => text).join('');

function plain(upstream: Upstream): readonly AnswerPart[] {
  const { details, tellsText, onlyText } = upstream;
  const told = texts(upstream) === '' ? onlyText : tellsText ? texts(upstream) : null;
  const message = { content: 'So.', reasoning: told, reasoning_details: details.map(whole) };
  return readReply({ choices: [{ message, finish_reason: 'stop' }] }, SAME_NAMES)?.parts ?? [];
}

function streamed(deltas: readonly JsonObject[]): readonly AnswerPart[] {
  const decoder = readStream(SAME_NAMES);
  const choices = [...deltas.map((delta) => ({ delta })), { delta: { content: 'So.' }, finish_reason: 'stop' }];
  const events = choices.flatMap((choice) => decoder.take(null, { choices: [{ index: 0, ...choice }] }));
  return accumulate([...events, ...decoder.end(true)]).parts;
}

describe('the details of thoughts', () => {
  it('are the same in a stream as in a plain reply', () =>
    fc.assert(
      fc.property(upstreams, ([upstream, pieces]) => {
        const only = texts(upstream) === '' ? [{ reasoning: upstream.onlyText }] : [];
        expect(streamed([...only, ...pieces.flat()])).toEqual(plain(upstream));
      }),
      { numRuns: 300 },
    ));

  it.each<[string, readonly JsonObject[]]>([
    ['after its text', [{ reasoning: 'hm' }, { reasoning_details: [signature('')] }]],
    ['beside its text', [{ reasoning: 'hm', reasoning_details: [signature('hm')] }]],
    ['with the whole text in one piece', [{ reasoning_details: [signature('hm')] }]],
  ])('keep the signature that comes %s', (_when, deltas) => {
    expect(streamed(deltas)).toEqual([
      { kind: 'thinking', text: 'hm', sealed: { maker: 'anthropic', kind: 'signature', data: 'EqQB' } },
      { kind: 'text', text: 'So.', citations: [] },
    ]);
  });

  it('are not told twice where blocks have the same', () => {
    const block = { type: 'thinking', thinking: 'hm', signature: 'EqQB' };
    expect(
      streamed([
        { thinking_blocks: [block], reasoning_details: [signature('hm')] },
        { reasoning_details: [signature('')] },
      ]),
    ).toHaveLength(2);
  });
});

function signature(text: string): JsonObject {
  return { type: 'reasoning.text', format: 'anthropic-claude-v1', index: 0, text, signature: 'EqQB' };
}
