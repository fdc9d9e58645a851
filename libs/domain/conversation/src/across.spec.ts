import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, AnswerEvent } from './answer.js';
import { anthropicMessages } from './anthropic-messages/codec.js';
import type { CallerCodec, DialectCodec, JsonObject, SentEvent } from './dialect-codec.js';
import { isObject } from './fields.js';
import { inference } from './inference/codec.js';
import { SAME_NAMES } from './names.js';
import { openaiChat } from './openai-chat/codec.js';
import { openaiResponses } from './openai-responses/codec.js';
import { accumulate, errorOf, joined } from './testing/accumulate.js';
import { answers } from './testing/answers.js';
import { CARRIED as CHAT_ANSWERS } from './testing/chat-answers.js';
import { anyChunk, upstreams } from './testing/chat-upstreams.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from './testing/contexts.js';
import { conversations } from './testing/conversations.js';
import { streamsOf } from './testing/events.js';
import { messageOf } from './testing/messages-stream.js';
import { responseOf } from './testing/response-stream.js';
import type { CarriedTurns } from './testing/turns.js';

const PROVIDERS: readonly DialectCodec[] = [openaiChat, openaiResponses, anthropicMessages];
const CALLERS: readonly CallerCodec[] = [...PROVIDERS, inference];
const PAIRS = PROVIDERS.flatMap((provider) =>
  CALLERS.map((caller) => ({ provider, caller, from: provider.name, to: caller.name })),
);

const anyValue = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    'text',
    0,
    -1,
    1e9,
    true,
    false,
    [],
    {},
    [{}],
    { type: 'text' },
    [null],
    '{"a":1}',
    '[1]',
  ),
  fc.jsonValue(),
);

const changes = fc.tuple(fc.infiniteStream(fc.nat(50)), anyValue);

describe('an answer that crosses from one dialect to another', () => {
  it.each(PAIRS)('from $from to $to is the same, plain and streamed', ({ provider, caller }) =>
    fc.assert(
      fc.property(
        answers({ ...CHAT_ANSWERS, citations: null }).chain((answer) =>
          fc.tuple(fc.constant(answer), streamsOf(answer)),
        ),
        ([answer, events]) => {
          const plain = provider.readReply(provider.writeReply(answer, REPLY_CONTEXT), SAME_NAMES);
          const streamed = read(provider, sent(provider, events));
          if (plain === null) throw new Error('no answer');
          expect(accumulate(streamed)).toEqual(plain);
          expect(sumOf(caller, sent(caller, streamed))).toEqual(plainOf(caller, plain));
        },
      ),
    ),
  );

  it.each(CALLERS)('obeys the grammar of $name, however a server of chat cuts and mixes it', (caller) =>
    fc.assert(
      fc.property(upstreams, ({ chunks }) => {
        const events = read(
          openaiChat,
          chunks.map((data) => ({ event: null, data })),
        );
        expect(sumOf(caller, sent(caller, events))).toEqual(plainOf(caller, accumulate(events)));
      }),
    ),
  );

  it.each(CALLERS)('obeys the grammar of $name, whatever a server sends', (caller) =>
    fc.assert(
      fc.property(fc.array(anyChunk, { maxLength: 12 }), (chunks) => {
        const events = read(
          openaiChat,
          chunks.map((data) => ({ event: null, data })),
        );
        const written = sent(caller, events);
        if (errorOf(events) === null) sumOf(caller, written);
        else expect(written.length).toBeGreaterThan(0);
      }),
    ),
  );
});

describe('an answer that is damaged', () => {
  const anyAnswer = answers({ ...CHAT_ANSWERS, citations: null }).chain((answer) =>
    fc.tuple(fc.constant(answer), streamsOf(answer)),
  );

  it.each(PROVIDERS)('is read or is none in a plain reply of $name; nothing throws', (provider) =>
    fc.assert(
      fc.property(anyAnswer, fc.array(changes, { minLength: 1, maxLength: 3 }), ([answer], all) => {
        const reply = changed(provider.writeReply(answer, REPLY_CONTEXT), all);
        const read = provider.readReply(reply as JsonObject, SAME_NAMES);
        if (read !== null) for (const caller of CALLERS) caller.writeReply(read, REPLY_CONTEXT);
      }),
    ),
  );

  it.each(PROVIDERS)('keeps to the grammar in a stream of $name and ends once; nothing throws', (provider) =>
    fc.assert(
      fc.property(anyAnswer, fc.array(changes, { minLength: 1, maxLength: 3 }), ([, events], all) => {
        const stream = changed(sent(provider, events), all) as readonly SentEvent[];
        const whole = stream.filter((event) => isObject(event) && isObject(event.data));
        const decoded = read(provider, whole);
        const error = errorOf(decoded);
        for (const caller of CALLERS) {
          const written = sent(caller, decoded);
          if (error === null) sumOf(caller, written);
        }
      }),
    ),
  );
});

const EVERYTHING: CarriedTurns = {
  systemAnywhere: true,
  images: true,
  imageDetail: true,
  documents: ['data'],
  namedDocuments: true,
  documentCitations: false,
  audio: false,
  cacheMarks: false,
  customTools: true,
  resultImages: false,
  resultErrors: false,
  refusals: true,
  thoughts: 'none',
};

describe('a request that crosses from one dialect to another', () => {
  const model = 'claude-opus-4-6';

  it.each(PROVIDERS)('is read from $name and written, or refused by a field; nothing throws', (caller) => {
    const bodies = conversations(caller.name as 'openai-chat', EVERYTHING).map((conversation) => {
      const written = caller.writeRequest(conversation, { ...WRITE_CONTEXT, model });
      return written.kind === 'written' ? written.body : {};
    });
    fc.assert(
      fc.property(bodies, fc.array(changes, { maxLength: 3 }), (body, all) => {
        const request = changed(body, all) as JsonObject;
        for (const reader of CALLERS) {
          const conversation = reader.readRequest(request);
          if ('kind' in conversation) expect(conversation).toEqual(A_FAULT);
          else
            for (const provider of PROVIDERS) {
              const written = provider.writeRequest(conversation, { ...WRITE_CONTEXT, model, customTools: false });
              if (written.kind === 'fault') expect(written).toEqual(A_FAULT);
            }
        }
      }),
      { numRuns: 150 },
    );
  });
});

const A_FAULT = { kind: 'fault', param: expect.any(String) as string, message: expect.any(String) as string };

type Change = readonly [path: Iterator<number>, value: unknown];

function changed(document: unknown, changes: readonly Change[]): unknown {
  const copy: unknown = structuredClone(document);
  for (const [path, value] of changes) change(copy, path, value);
  return copy;
}

/** Puts a value at some place of a document. */
function change(document: unknown, path: Iterator<number>, value: unknown): void {
  let at = document as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(at);
    const key = keys[Number(path.next().value) % Math.max(keys.length, 1)];
    if (key === undefined) return;
    const next = at[key];
    if (typeof next !== 'object' || next === null || Number(path.next().value) % 4 === 0) {
      at[key] = value;
      return;
    }
    at = next as Record<string, unknown>;
  }
}

function sent(caller: CallerCodec, events: readonly AnswerEvent[]): readonly SentEvent[] {
  const encoder = caller.writeStream(REPLY_CONTEXT);
  return events.flatMap((event) => encoder.take(event));
}

function read(provider: DialectCodec, stream: readonly SentEvent[]): readonly AnswerEvent[] {
  const decoder = provider.readStream(SAME_NAMES);
  return [
    ...stream.flatMap(({ event, data }) => (data === '[DONE]' ? [] : decoder.take(event, data))),
    ...decoder.end(),
  ];
}

/** A stream added up as the clients of its dialect do, which throws if its grammar is broken. */
function sumOf(caller: CallerCodec, stream: readonly SentEvent[]): unknown {
  switch (caller.name) {
    case 'openai-responses':
      return responseOf(stream);
    case 'anthropic-messages':
      return messageOf(stream);
    case 'openai-chat':
      return joined(accumulate(read(openaiChat, stream)));
    case 'inference':
      return outputOf(stream);
    default:
      return caller.name satisfies never;
  }
}

/** The plain reply of an answer, as `sumOf` gives it. */
function plainOf(caller: CallerCodec, answer: Answer): unknown {
  const reply = caller.writeReply(answer, REPLY_CONTEXT);
  if (caller.name === 'inference') return `${String(reply['output'])}${String(reply['refusal'] ?? '')}`;
  const again = caller.name === 'openai-chat' ? openaiChat.readReply(reply, SAME_NAMES) : null;
  return again === null ? reply : joined(again);
}

function outputOf(stream: readonly SentEvent[]): string {
  expect(stream[0]?.event).toBe('inference.started');
  expect(stream.filter(({ event }) => event === 'inference.completed')).toEqual(stream.slice(-1));
  const texts = (name: string): string =>
    stream.flatMap(({ event, data }) => (event === name ? [(data as { text: string }).text] : [])).join('');
  return texts('inference.output') + texts('inference.refusal');
}
