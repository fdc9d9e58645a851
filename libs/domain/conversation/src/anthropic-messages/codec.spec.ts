import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerEvent, Citation } from '../answer.js';
import type { Conversation, Turn } from '../conversation.js';
import type { Fault, JsonObject, ReplyContext, SentEvent, WriteContext, WrittenRequest } from '../dialect-codec.js';
import { FEATURES } from '../features.js';
import { SAME_NAMES } from '../names.js';
import { accumulate } from '../testing/accumulate.js';
import { answers, type CarriedAnswers } from '../testing/answers.js';
import { conversations } from '../testing/conversations.js';
import { streamsOf } from '../testing/events.js';
import { messageOf } from '../testing/messages-stream.js';
import type { CarriedTurns } from '../testing/turns.js';
import { anthropicMessages } from './codec.js';
import { lacksThoughtOfLoop } from './tool-loop.js';

const CARRIED: CarriedTurns = {
  systemAnywhere: false,
  images: true,
  imageDetail: false,
  documents: ['url', 'data', 'text'],
  documentCitations: true,
  audio: false,
  cacheMarks: true,
  customTools: false,
  resultImages: true,
  resultErrors: true,
  refusals: false,
  thoughts: 'anthropic',
};

const CITATIONS: fc.Arbitrary<Citation> = fc.string().map((quoted) => {
  const original = { type: 'char_location', cited_text: `"${quoted}`, document_index: 0, document_title: 'A' };
  return { url: null, title: 'A', quoted: `"${quoted}`, start: null, end: null, original };
});

const ANSWERS: CarriedAnswers = {
  citations: CITATIONS,
  refusals: false,
  customTools: false,
  thoughts: 'anthropic',
  stopSequence: true,
  createdAt: false,
  cacheWrites: true,
};

const context: WriteContext = {
  model: 'claude-opus-4-6',
  outputTokensDefault: 4_096,
  ceilingField: 'max_tokens',
  streamOptions: true,
  fieldOf: (feature) => FEATURES[feature]['anthropic-messages'] ?? feature,
};

const reply: ReplyContext = {
  model: 'claude-opus-4-6',
  requestId: '0199',
  nowSeconds: 1_800_000_000,
  showUsage: true,
  request: {},
};

describe('anthropic messages', () => {
  it('carries what its table says: a conversation is the same after it was written and read', () => {
    const carried = conversations('anthropic-messages', CARRIED, {
      reasoning: fc.constantFrom(null, ...['low', 'medium', 'high', 'max'].map(adaptive), budget(2_048)),
      serviceTier: fc.constantFrom(null, 'auto', 'default'),
      outputTokensMax: fc.integer({ min: 4_096, max: 32_000 }),
      temperature: fc.constant(null),
      topP: fc.constant(null),
      topK: fc.constant(null),
    });
    fc.assert(
      fc.property(carried, (conversation) => {
        const free = withoutRefusedBudget(withoutForce(conversation));
        const written = writtenBody(anthropicMessages.writeRequest(free, context));
        expect(anthropicMessages.readRequest(written)).toEqual(asAnthropicSaysIt(free));
      }),
    );
  });

  it('carries temperature, top_p and top_k where the model takes them', () => {
    const older = { ...context, model: 'claude-3-haiku-20240307' };
    const carried = conversations('anthropic-messages', CARRIED, {
      reasoning: fc.constant(null),
      serviceTier: fc.constant(null),
      format: fc.constant(null),
      temperature: fc.constantFrom(null, 0, 0.25),
    });
    fc.assert(
      fc.property(carried, (conversation) => {
        const tools = conversation.tools.map((tool) => (tool.kind === 'function' ? { ...tool, strict: null } : tool));
        const free = { ...conversation, tools };
        const written = writtenBody(anthropicMessages.writeRequest(free, older));
        expect(anthropicMessages.readRequest(written)).toEqual(asAnthropicSaysIt(free));
      }),
    );
  });

  it('carries what its answers can say: one is the same after it was written and read', () => {
    fc.assert(
      fc.property(answers(ANSWERS), (answer) => {
        const given = { ...answer, id: `msg_${answer.id}` };
        expect(anthropicMessages.readReply(anthropicMessages.writeReply(given, reply), SAME_NAMES)).toEqual(given);
      }),
    );
  });

  it('writes each stream by its grammar, so that it adds up to the plain reply', () => {
    const any: CarriedAnswers = { ...ANSWERS, refusals: true, customTools: true };
    const given = fc
      .oneof(answers(any), answers({ ...any, thoughts: 'openai' }), answers({ ...any, thoughts: 'text' }))
      .chain((answer) => streamsOf(answer).map((events) => ({ answer, events })));
    fc.assert(
      fc.property(given, ({ answer, events }) => {
        expect(messageOf(encode(events))).toEqual(anthropicMessages.writeReply(answer, reply));
      }),
    );
  });

  it('reads its own streams as the plain reply', () => {
    const given = answers(ANSWERS).chain((answer) => streamsOf(answer).map((events) => ({ answer, events })));
    fc.assert(
      fc.property(given, ({ answer, events }) => {
        const read = accumulate(decode(encode(events)));
        expect(read).toEqual(anthropicMessages.readReply(anthropicMessages.writeReply(answer, reply), SAME_NAMES));
      }),
    );
  });
});

function adaptive(effort: string): Conversation['reasoning'] {
  return { effort, budgetTokens: null, summary: null };
}

function budget(tokens: number): Conversation['reasoning'] {
  return { effort: null, budgetTokens: tokens, summary: null };
}

/** Claude takes no forced tool while it thinks. */
/** Claude takes no budget in a loop of tools that began without a thought. */
function withoutRefusedBudget(conversation: Conversation): Conversation {
  const isBudget = (conversation.reasoning?.budgetTokens ?? null) !== null;
  return isBudget && lacksThoughtOfLoop(conversation.turns) ? { ...conversation, reasoning: null } : conversation;
}

function withoutForce(conversation: Conversation): Conversation {
  const forced = conversation.toolChoice?.kind === 'required' || conversation.toolChoice?.kind === 'tool';
  return forced ? { ...conversation, reasoning: null } : conversation;
}

/** What is said in another way, with the same meaning. */
function asAnthropicSaysIt(conversation: Conversation): Conversation {
  const { toolChoice, parallelToolCalls, format } = conversation;
  const isSerial = parallelToolCalls === false && toolChoice?.kind !== 'none' ? false : null;
  return {
    ...conversation,
    turns: conversation.turns.map(withoutDetails),
    tools: conversation.tools.map((tool) =>
      tool.kind === 'function' ? { ...tool, strict: tool.strict === true ? true : null } : tool,
    ),
    toolChoice: toolChoice ?? (isSerial === false ? { kind: 'auto' } : null),
    parallelToolCalls: isSerial,
    // Schemas have no names, and the answer always holds to them.
    format: format?.kind === 'json_schema' ? { ...format, name: 'response', description: null, strict: true } : format,
    outputTokensMax: conversation.outputTokensMax ?? context.outputTokensDefault,
  };
}

function withoutDetails(turn: Turn): Turn {
  return turn;
}

function writtenBody(written: WrittenRequest | Fault): JsonObject {
  if (written.kind === 'fault') throw new Error(`${written.param}: ${written.message}`);
  return JSON.parse(JSON.stringify(written.body)) as JsonObject;
}

function encode(events: readonly AnswerEvent[]): readonly SentEvent[] {
  const encoder = anthropicMessages.writeStream(reply);
  return events.flatMap((event) => encoder.take(event));
}

function decode(events: readonly SentEvent[]): readonly AnswerEvent[] {
  const decoder = anthropicMessages.readStream(SAME_NAMES);
  return [...events.flatMap(({ event, data }) => decoder.take(event, data as JsonObject)), ...decoder.end()];
}
