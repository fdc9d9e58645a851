import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer, Citation } from '../answer.js';
import type { Conversation, DocumentPart, Turn } from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import { isFault } from '../fault.js';
import { SAME_NAMES } from '../names.js';
import { accumulate } from '../testing/accumulate.js';
import { answers } from '../testing/answers.js';
import { conversations } from '../testing/conversations.js';
import { streamsOf } from '../testing/events.js';
import { words } from '../testing/words.js';
import { openaiResponses } from './codec.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from '../testing/contexts.js';
import { responseOf } from '../testing/response-stream.js';

const RESPONSE_ID = `resp_${REPLY_CONTEXT.requestId}`;

const carried = conversations(
  'openai-responses',
  {
    systemAnywhere: true,
    images: true,
    imageDetail: true,
    documents: ['url', 'data'],
    documentCitations: false,
    audio: false,
    cacheMarks: false,
    customTools: true,
    resultImages: true,
    resultErrors: false,
    refusals: true,
    thoughts: 'openai',
  },
  { topLogprobs: fc.constant(null) },
);

const citation: fc.Arbitrary<Citation> = fc
  .record({ url: fc.webUrl(), title: words, start: fc.nat(10), end: fc.nat(100) })
  .map(({ url, title, start, end }) => ({
    url,
    title,
    quoted: null,
    start,
    end,
    original: { type: 'url_citation', url, title, start_index: start, end_index: end },
  }));

const answered = (thoughts: 'openai' | 'anthropic' | 'text'): fc.Arbitrary<Answer> =>
  answers({
    citations: citation,
    refusals: true,
    customTools: true,
    thoughts,
    stopSequence: false,
    createdAt: true,
    cacheWrites: true,
  }).map(asResponses);

describe('Responses carry', () => {
  it('each conversation that the table says they carry', () => {
    fc.assert(
      fc.property(carried, (conversation) => {
        expect(readAgain(conversation)).toEqual(asRead(conversation));
      }),
    );
  });

  it.each(['openai', 'anthropic', 'text'] as const)('each answer, with thoughts of %s', (thoughts) => {
    fc.assert(
      fc.property(answered(thoughts), (answer) => {
        const reply = openaiResponses.writeReply(answer, REPLY_CONTEXT);
        expect(openaiResponses.readReply(reply, SAME_NAMES)).toEqual({ ...answer, id: RESPONSE_ID });
      }),
    );
  });

  it.each(['openai', 'anthropic', 'text'] as const)('each stream, with thoughts of %s', (thoughts) => {
    fc.assert(
      fc.property(
        answered(thoughts).chain((answer) => fc.tuple(fc.constant(answer), streamsOf(answer))),
        ([answer, events]) => {
          const encoder = openaiResponses.writeStream(REPLY_CONTEXT);
          const sent = events.flatMap((event) => encoder.take(event));
          expect(responseOf(sent)).toEqual(openaiResponses.writeReply(answer, REPLY_CONTEXT));
          const decoder = openaiResponses.readStream(SAME_NAMES);
          const read = sent.flatMap(({ event, data }) => decoder.take(event, data as JsonObject));
          expect(accumulate([...read, ...decoder.end()])).toEqual({ ...answer, id: RESPONSE_ID });
        },
      ),
    );
  });
});

function readAgain(conversation: Conversation): unknown {
  const written = openaiResponses.writeRequest(conversation, WRITE_CONTEXT);
  return isFault(written)
    ? written
    : openaiResponses.readRequest(JSON.parse(JSON.stringify(written.body)) as JsonObject);
}

/** What Responses say in one way only: functions that are strict or not, files that have a name, one form of a text. */
function asRead(conversation: Conversation): Conversation {
  return {
    ...conversation,
    turns: conversation.turns.map(withFileNames),
    tools: conversation.tools.map((tool) => {
      if (tool.kind === 'custom') return tool.format?.['type'] === 'text' ? { ...tool, format: null } : tool;
      if (tool.kind === 'builtin') return tool;
      return {
        ...tool,
        strict: tool.strict ?? false,
        parameters: tool.parameters ?? { type: 'object', properties: {} },
      };
    }),
  };
}

function withFileNames(turn: Turn): Turn {
  if (turn.role !== 'user') return turn;
  const named = (part: DocumentPart): DocumentPart =>
    part.source.kind === 'data' ? { ...part, name: part.name ?? 'document.pdf' } : part;
  return { ...turn, parts: turn.parts.map((part) => (part.kind === 'document' ? named(part) : part)) };
}

/** A refusal in a whole answer is the reason of its end, unless calls wait. */
function asResponses(answer: Answer): Answer {
  const refuses = answer.parts.some(({ kind }) => kind === 'refusal');
  const { reason } = answer.finish;
  const told = refuses && reason === 'stop' ? 'content_filter' : reason;
  return { ...answer, finish: { ...answer.finish, reason: told } };
}
