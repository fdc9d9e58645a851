import fc from 'fast-check';
import type { JsonObject } from '../dialect-codec.js';
import { cutsOf } from './events.js';
import { names, objects, words } from './words.js';

/** A chunk of a stream with a delta. */
export const chunk = (delta: JsonObject, more: JsonObject = {}): JsonObject => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 5,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});

/** The last chunk of the answer. */
export const end = (reason = 'stop'): JsonObject => chunk({}, { finish_reason: reason });

/** One piece of an answer on its way, in the order of its own part. */
interface Track {
  readonly pieces: readonly JsonObject[];
}

/** Answers as a server may stream them: parts cut and mixed, numbers and ids left out, ids repeated. */
export const upstreams = fc
  .record({
    thought: fc.option(words, { nil: null }),
    text: fc.option(words, { nil: null }),
    refusal: fc.option(words, { nil: null, freq: 4 }),
    calls: fc.array(fc.record({ name: names, input: objects }), { maxLength: 3 }),
    numbered: fc.boolean(),
    repeatsIds: fc.boolean(),
    field: fc.constantFrom('reasoning_content', 'reasoning'),
    reason: fc.constantFrom('stop', 'length'),
    mixed: fc.boolean(),
  })
  .chain((answer) => {
    const { thought, text, refusal, calls, field } = answer;
    const tracks: fc.Arbitrary<Track>[] = [
      track(thought, (piece) => ({ [field]: piece })),
      track(text, (content) => ({ content })),
      track(refusal, (piece) => ({ refusal: piece })),
      ...calls.map((each, at) => callTrack(each, at, answer)),
    ];
    return fc.tuple(fc.tuple(...tracks), fc.infiniteStream(fc.nat(20))).map(([all, order]) => ({
      chunks: [...mixedDeltas(all, order, answer.mixed).map((d) => chunk(d)), end(answer.reason)],
      plain: plainOf(answer),
    }));
  });

interface Upstream {
  readonly thought: string | null;
  readonly text: string | null;
  readonly refusal: string | null;
  readonly calls: readonly { readonly name: string; readonly input: JsonObject }[];
  readonly numbered: boolean;
  readonly repeatsIds: boolean;
  readonly field: string;
  readonly reason: string;
}

function track(text: string | null, delta: (piece: string) => JsonObject): fc.Arbitrary<Track> {
  return cutsOf(text ?? '').map((cuts) => ({ pieces: cuts.map(delta) }));
}

function callTrack(
  { name, input }: Upstream['calls'][number],
  at: number,
  { numbered, repeatsIds }: Upstream,
): fc.Arbitrary<Track> {
  const id = `call_${at}`;
  const index = numbered ? { index: at } : {};
  return cutsOf(JSON.stringify(input)).map((cuts) => ({
    pieces: [
      { tool_calls: [{ ...index, id, type: 'function', function: { name, arguments: '' } }] },
      // Without numbers only ids tell calls apart.
      ...cuts.map((piece) => ({
        tool_calls: [{ ...index, ...(repeatsIds || !numbered ? { id } : {}), function: { arguments: piece } }],
      })),
    ],
  }));
}

/** The deltas of all parts: one part after the other, or mixed, where only calls keep the order of their beginnings. */
function mixedDeltas(tracks: readonly Track[], order: Iterator<number>, mixed: boolean): readonly JsonObject[] {
  if (!mixed) return tracks.flatMap(({ pieces }) => pieces);
  const texts = tracks.slice(0, 3).map(({ pieces }) => [...pieces]);
  const calls = tracks.slice(3).map(({ pieces }) => [...pieces]);
  const begun: JsonObject[][] = [];
  const deltas: JsonObject[] = [];
  for (;;) {
    const next = calls[0];
    const open = [...texts, ...begun, ...(next === undefined ? [] : [next])].filter((pieces) => pieces.length > 0);
    if (open.length === 0) return deltas;
    const chosen = open[Number(order.next().value) % open.length] as JsonObject[];
    if (chosen === next) begun.push(calls.shift() as JsonObject[]);
    deltas.push(chosen.shift() as JsonObject);
  }
}

function plainOf({ thought, text, refusal, calls, field, reason }: Upstream): JsonObject {
  const message = {
    role: 'assistant',
    content: text,
    refusal,
    [field]: thought,
    tool_calls: calls.map(({ name, input }, at) => ({
      id: `call_${at}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(input) },
    })),
  };
  return { id: 'chatcmpl-1', created: 5, model: 'm', choices: [{ index: 0, message, finish_reason: reason }] };
}

const anyText = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('{', '}', '{}', '{"a":1}', '', null, 3));
const anyCall = fc.record(
  {
    index: fc.oneof(fc.nat(2), fc.constant(null)),
    id: fc.constantFrom('', 'a', 'b', null),
    type: fc.constantFrom('function', 'custom', 5),
    function: fc.record({ name: fc.constantFrom('f', 'g', '', null), arguments: anyText }, { requiredKeys: [] }),
    custom: fc.record({ name: fc.constantFrom('f', ''), input: anyText }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const anyDelta = fc.record(
  {
    role: fc.constant('assistant'),
    content: fc.oneof(anyText, fc.array(fc.record({ type: fc.constantFrom('text', 'thinking', 'x'), text: anyText }))),
    reasoning_content: anyText,
    reasoning: anyText,
    refusal: anyText,
    tool_calls: fc.oneof(fc.array(anyCall, { maxLength: 3 }), fc.constant(null)),
    function_call: fc.oneof(fc.constant(null), fc.record({ name: fc.constant('f'), arguments: anyText })),
    annotations: fc.array(
      fc.record({ type: fc.constant('url_citation'), url_citation: fc.record({ url: fc.constantFrom('u', null) }) }),
      { maxLength: 1 },
    ),
    thinking_blocks: fc.array(
      fc.record({
        type: fc.constantFrom('thinking', 'redacted_thinking'),
        thinking: anyText,
        signature: anyText,
        data: anyText,
      }),
      { maxLength: 1 },
    ),
  },
  { requiredKeys: [] },
);
/** Chunks with whatever stands in their fields, and objects that are no chunks. */
export const anyChunk: fc.Arbitrary<JsonObject> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(anyDelta, fc.constantFrom(null, null, null, 'stop', 'tool_calls', '', 'error'))
      .map(([delta, reason]) => chunk(delta, { finish_reason: reason })),
  },
  { weight: 1, arbitrary: fc.object() as fc.Arbitrary<JsonObject> },
);
