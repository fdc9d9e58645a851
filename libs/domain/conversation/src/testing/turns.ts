import fc from 'fast-check';
import type {
  AssistantPart,
  CacheMark,
  DocumentPart,
  ImagePart,
  SealedThought,
  TextPart,
  ToolCallPart,
  ToolResult,
  Turn,
  UserPart,
} from '../conversation.js';
import { names, objects, words } from './words.js';

/** What the turns of a dialect can say, besides text and calls of functions. */
export interface CarriedTurns {
  /** Whether the operator of an application may speak between other turns, and not only before them. */
  readonly systemAnywhere: boolean;
  readonly images: boolean;
  /** `low`, `high` and so on, of images. */
  readonly imageDetail: boolean;
  readonly documents: readonly DocumentPart['source']['kind'][];
  readonly documentCitations: boolean;
  /** Whether each document must have a name. */
  readonly namedDocuments?: boolean;
  readonly audio: boolean;
  readonly cacheMarks: boolean;
  readonly customTools: boolean;
  /** Images in results of tools. */
  readonly resultImages: boolean;
  /** Results that say that the tool failed. */
  readonly resultErrors: boolean;
  readonly refusals: boolean;
  /** Thoughts of earlier turns: none, their text, or the seals of a maker. */
  readonly thoughts: 'none' | 'text' | SealedThought['maker'];
}

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB';
const JPEG = '/9j/4AAQSkZJRgABAQAAAQABAAD';

/**
 * Turns in the order that `orderTurns` makes: perhaps some of the operator first; roles alternate; each turn of the
 * assistant that calls tools is followed by their results; the last one is of the user or has results.
 */
export function turns(carried: CarriedTurns): fc.Arbitrary<readonly Turn[]> {
  const system = fc
    .array(texts(carried), { minLength: 1, maxLength: 2 })
    .map((parts): Turn => ({ role: 'system', parts }));
  const rounds = fc.array(round(carried, system), { minLength: 1, maxLength: 3 });
  return fc
    .record({ first: fc.option(system, { nil: null }), rounds, last: fc.boolean() })
    .map(({ first, rounds: all, last }) => {
      const spoken = all.flat();
      const whole = last || spoken.at(-1)?.role !== 'assistant' ? spoken : spoken.slice(0, -1);
      const ended = whole.at(-1)?.role === 'assistant' ? whole.slice(0, -1) : whole;
      return numbered(first === null ? ended : [first, ...ended]);
    });
}

function round(carried: CarriedTurns, system: fc.Arbitrary<Turn>): fc.Arbitrary<readonly Turn[]> {
  return fc
    .record({
      system: carried.systemAnywhere ? fc.option(system, { nil: null, freq: 5 }) : fc.constant(null),
      user: fc.array(userParts(carried), { minLength: 1, maxLength: 3 }),
      called: fc.array(asked(carried), { maxLength: 2 }),
      said: assistantParts(carried, false),
    })
    .map(({ system: between, user, called, said }) => [
      ...(between === null ? [] : [between]),
      { role: 'user', parts: user },
      ...called.flat(),
      { role: 'assistant', parts: said },
    ]);
}

/** A turn with calls, and the turn with their results. */
function asked(carried: CarriedTurns): fc.Arbitrary<readonly Turn[]> {
  return assistantParts(carried, true).chain((parts) => {
    const calls = parts.filter((part) => part.kind === 'tool_call');
    return fc.tuple(...calls.map((call) => results(carried, call))).map((answered) => [
      { role: 'assistant', parts },
      { role: 'tool', results: answered },
    ]);
  });
}

function assistantParts(carried: CarriedTurns, calling: boolean): fc.Arbitrary<readonly AssistantPart[]> {
  const thought: fc.Arbitrary<AssistantPart | null> =
    carried.thoughts === 'none' ? fc.constant(null) : fc.option(thoughts(carried.thoughts), { nil: null });
  const refusal: fc.Arbitrary<AssistantPart | null> = carried.refusals
    ? fc.option(
        words.map((text) => ({ kind: 'refusal' as const, text })),
        { nil: null, freq: 4 },
      )
    : fc.constant(null);
  return fc
    .record({
      thought,
      said: fc.array(texts(carried), { minLength: calling ? 0 : 1, maxLength: 2 }),
      refusal,
      calls: fc.array(calls(carried), calling ? { minLength: 1, maxLength: 3 } : { maxLength: 0 }),
    })
    .map(({ thought: first, said, refusal: refused, calls: called }) => [
      ...(first === null ? [] : [first]),
      ...said,
      ...(refused === null ? [] : [refused]),
      ...called,
    ]);
}

function thoughts(kind: 'text' | SealedThought['maker']): fc.Arbitrary<AssistantPart> {
  if (kind === 'text') return words.map((text) => ({ kind: 'thinking', text, sealed: null }));
  const data = fc.stringMatching(/^[A-Za-z0-9+/]{8,20}$/);
  const id = fc.stringMatching(/^rs_[a-z0-9]{8}$/);
  if (kind === 'openai')
    return fc.record({ text: fc.oneof(words, fc.constant('')), data, id }).map(({ text, ...rest }) => ({
      kind: 'thinking',
      text,
      sealed: { maker: 'openai', kind: 'encrypted', ...rest },
    }));
  return fc.oneof(
    fc.record({ text: fc.oneof(words, fc.constant('')), data }).map(({ text, data: signature }): AssistantPart => ({
      kind: 'thinking',
      text,
      sealed: { maker: 'anthropic', kind: 'signature', data: signature },
    })),
    data.map((redacted): AssistantPart => ({
      kind: 'thinking',
      text: '',
      sealed: { maker: 'anthropic', kind: 'redacted', data: redacted },
    })),
  );
}

function calls(carried: CarriedTurns): fc.Arbitrary<ToolCallPart> {
  const call = fc.record({ kind: fc.constant('tool_call' as const), id: fc.constant(''), name: names });
  const ofFunction = fc.tuple(call, objects, marks(carried)).map(([part, input, mark]) => ({
    ...part,
    input: JSON.stringify(input),
    custom: false,
    ...mark,
  }));
  const ofCustom = fc.tuple(call, words).map(([part, input]) => ({ ...part, input, custom: true }));
  return carried.customTools ? fc.oneof(ofFunction, ofCustom) : ofFunction;
}

function results(carried: CarriedTurns, call: ToolCallPart): fc.Arbitrary<ToolResult> {
  const part = carried.resultImages
    ? fc.oneof(texts(carried), images({ ...carried, imageDetail: false }))
    : texts(carried);
  return fc
    .record({
      parts: fc.array(part, { minLength: 1, maxLength: 2 }),
      isError: carried.resultErrors ? fc.boolean() : fc.constant(false),
      mark: marks(carried),
    })
    .map(({ parts, isError, mark }) => ({ callId: '', parts, isError, custom: call.custom, ...mark }));
}

/** Gives each call an id of its own, and its result the same. */
function numbered(all: readonly Turn[]): readonly Turn[] {
  let calls = 0;
  let answers = 0;
  return all.map((turn) => {
    if (turn.role === 'assistant')
      return {
        ...turn,
        parts: turn.parts.map((part) => (part.kind === 'tool_call' ? { ...part, id: `call_${calls++}` } : part)),
      };
    if (turn.role === 'tool')
      return { ...turn, results: turn.results.map((result) => ({ ...result, callId: `call_${answers++}` })) };
    return turn;
  });
}

function userParts(carried: CarriedTurns): fc.Arbitrary<UserPart> {
  const parts: fc.Arbitrary<UserPart>[] = [texts(carried)];
  if (carried.images) parts.push(images(carried));
  if (carried.documents.length > 0) parts.push(documents(carried));
  if (carried.audio)
    parts.push(fc.constantFrom('wav', 'mp3').map((format) => ({ kind: 'audio' as const, format, base64: 'UklGRg==' })));
  return fc.oneof(...parts);
}

function texts(carried: CarriedTurns): fc.Arbitrary<TextPart> {
  return fc.tuple(words, marks(carried)).map(([text, mark]) => ({ kind: 'text', text, ...mark }));
}

function images(carried: CarriedTurns): fc.Arbitrary<ImagePart> {
  const source = fc.constantFrom(
    { kind: 'url' as const, url: 'https://example.com/a.png' },
    { kind: 'data' as const, mediaType: 'image/png', base64: PNG },
    { kind: 'data' as const, mediaType: 'image/jpeg', base64: JPEG },
  );
  const detail = carried.imageDetail ? fc.constantFrom(null, 'low', 'high', 'auto') : fc.constant(null);
  return fc
    .tuple(fc.record({ source, detail }), marks(carried))
    .map(([image, mark]) => ({ kind: 'image', ...image, ...mark }));
}

function documents(carried: CarriedTurns): fc.Arbitrary<DocumentPart> {
  const sources: Record<DocumentPart['source']['kind'], DocumentPart['source']> = {
    url: { kind: 'url', url: 'https://example.com/a.pdf' },
    data: { kind: 'data', mediaType: 'application/pdf', base64: 'JVBERi0xLjQK' },
    text: { kind: 'text', text: 'A text.' },
  };
  return fc
    .record({
      source: fc.constantFrom(...carried.documents.map((kind) => sources[kind])),
      name: carried.namedDocuments === true ? names : fc.option(names, { nil: null }),
      citations: carried.documentCitations ? fc.boolean() : fc.constant(false),
      mark: marks(carried),
    })
    .map(({ mark, ...document }) => ({ kind: 'document', ...document, ...mark }));
}

function marks({ cacheMarks }: CarriedTurns): fc.Arbitrary<{ readonly cache?: CacheMark }> {
  if (!cacheMarks) return fc.constant({});
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant({}) },
    fc.constantFrom('5m' as const, '1h' as const).map((ttl) => ({ cache: { ttl } })),
  );
}
