import fc from 'fast-check';
import type { Answer, AnswerPart, AnswerText, Citation, Finish } from '../answer.js';
import type { SealedThought } from '../conversation.js';
import { names, objects, usages, words } from './words.js';

/** What the answers of a dialect can say, besides text and calls of functions. */
export interface CarriedAnswers {
  readonly citations: fc.Arbitrary<Citation> | null;
  readonly refusals: boolean;
  readonly customTools: boolean;
  readonly thoughts: 'none' | 'text' | SealedThought['maker'];
  /** Whether the answer names the stop sequence that ended it. */
  readonly stopSequence: boolean;
  /** Whether the seconds of its making are told. */
  readonly createdAt: boolean;
  readonly cacheWrites: boolean;
}

/** Answers of a thought, a text, a refusal and calls, each of which may be missing, in this order. */
export function answers(carried: CarriedAnswers): fc.Arbitrary<Answer> {
  const parts = fc
    .record({
      thought: carried.thoughts === 'none' ? fc.constant(null) : fc.option(thoughts(carried.thoughts), { nil: null }),
      text: fc.option(texts(carried), { nil: null }),
      refusal: carried.refusals ? fc.option(refusals, { nil: null, freq: 4 }) : fc.constant(null),
      calls: fc.array(calls(carried), { maxLength: 3 }),
    })
    .map(({ thought, text, refusal, calls: called }): readonly AnswerPart[] => [
      ...(thought === null ? [] : [thought]),
      ...(text === null ? [] : [text]),
      ...(refusal === null ? [] : [refusal]),
      ...called.map((call, at) => ({ ...call, id: `call_${at}` })),
    ]);
  return parts.chain((all) =>
    fc.record({
      id: names,
      model: names,
      createdAt: carried.createdAt ? fc.integer({ min: 1, max: 2_000_000_000 }) : fc.constant(null),
      parts: fc.constant(all),
      finish: finishes(
        all.some(({ kind }) => kind === 'tool_call'),
        carried,
      ),
      usage: usages({ writes: carried.cacheWrites }),
    }),
  );
}

const refusals = words.map((text) => ({ kind: 'refusal' as const, text }));

function texts({ citations }: CarriedAnswers): fc.Arbitrary<AnswerText> {
  return fc.record({
    kind: fc.constant('text' as const),
    text: words,
    citations: citations === null ? fc.constant([]) : fc.array(citations, { maxLength: 2 }),
  });
}

function thoughts(kind: 'text' | SealedThought['maker']): fc.Arbitrary<AnswerPart> {
  const data = fc.stringMatching(/^[A-Za-z0-9+/]{8,20}$/);
  if (kind === 'text') return words.map((text) => ({ kind: 'thinking', text, sealed: null }));
  return fc.record({ text: words, data }).map(({ text, data: sealed }) => ({
    kind: 'thinking',
    text,
    sealed:
      kind === 'openai'
        ? { maker: 'openai', kind: 'encrypted', data: sealed, id: 'rs_1' }
        : { maker: 'anthropic', kind: 'signature', data: sealed },
  }));
}

function calls({ customTools }: CarriedAnswers): fc.Arbitrary<Extract<AnswerPart, { kind: 'tool_call' }>> {
  const call = { kind: fc.constant('tool_call' as const), id: fc.constant(''), name: names };
  const ofFunction = fc.record({ ...call, input: objects.map((o) => JSON.stringify(o)), custom: fc.constant(false) });
  const ofCustom = fc.record({ ...call, input: words, custom: fc.constant(true) });
  return customTools ? fc.oneof(ofFunction, ofCustom) : ofFunction;
}

function finishes(hasCalls: boolean, { stopSequence }: CarriedAnswers): fc.Arbitrary<Finish> {
  const reasons = fc
    .constantFrom(...(hasCalls ? (['tool_calls', 'length'] as const) : (['stop', 'length', 'content_filter'] as const)))
    .map((reason): Finish => ({ reason, stopSequence: null }));
  if (!stopSequence || hasCalls) return reasons;
  return fc.oneof(
    reasons,
    words.map((sequence): Finish => ({ reason: 'stop', stopSequence: sequence })),
  );
}
