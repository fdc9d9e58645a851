import fc from 'fast-check';
import type { Answer, AnswerEvent, AnswerPart, OpenedPart } from '../answer.js';

/** The canonical streams that tell an answer: each text cut at any places, the usage once or several times. */
export function streamsOf(answer: Answer): fc.Arbitrary<readonly AnswerEvent[]> {
  return fc
    .tuple(...answer.parts.map(eventsOfPart))
    .map((parts) => [
      { type: 'start', id: answer.id, model: answer.model, createdAt: answer.createdAt },
      ...parts.flat(),
      ...(answer.usage === null ? [] : [{ type: 'usage' as const, usage: answer.usage }]),
      { type: 'finish', finish: answer.finish },
      { type: 'end' },
    ]);
}

/** Cuts of a text into one or more pieces that are not empty; none for the empty text. */
export function cutsOf(text: string): fc.Arbitrary<readonly string[]> {
  if (text === '') return fc.constant([]);
  return fc.uniqueArray(fc.integer({ min: 1, max: Math.max(1, text.length - 1) }), { maxLength: 5 }).map((places) => {
    const cuts = [0, ...places.filter((place) => place < text.length).sort((a, b) => a - b), text.length];
    return cuts.slice(1).map((cut, at) => text.slice(cuts[at], cut));
  });
}

function eventsOfPart(part: AnswerPart, index: number): fc.Arbitrary<readonly AnswerEvent[]> {
  const text = part.kind === 'tool_call' ? part.input : part.text;
  return cutsOf(text).map((cuts) => [
    { type: 'open', index, part: openedOf(part) },
    ...cuts.map((cut) => ({ type: 'delta' as const, index, text: cut })),
    ...(part.kind === 'text' ? part.citations.map((citation) => ({ type: 'citation' as const, index, citation })) : []),
    ...(part.kind === 'thinking' && part.sealed !== null
      ? [{ type: 'seal' as const, index, sealed: part.sealed }]
      : []),
    { type: 'close', index },
  ]);
}

function openedOf(part: AnswerPart): OpenedPart {
  switch (part.kind) {
    case 'tool_call':
      return { kind: 'tool_call', id: part.id, name: part.name, custom: part.custom };
    case 'text':
    case 'refusal':
    case 'thinking':
      return { kind: part.kind };
    default:
      return part satisfies never;
  }
}
