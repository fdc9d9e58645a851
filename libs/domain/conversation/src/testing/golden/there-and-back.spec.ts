import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../../anthropic-messages/codec.js';
import type { Answer } from '../../answer.js';
import type { Conversation } from '../../conversation.js';
import type { DialectCodec, JsonObject, WriteContext } from '../../dialect-codec.js';
import { SAME_NAMES } from '../../names.js';
import { openaiChat } from '../../openai-chat/codec.js';
import { openaiResponses } from '../../openai-responses/codec.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from '../contexts.js';
import { answers } from '../answers.js';
import { conversations } from '../conversations.js';

/** Requests of Anthropic with what all three dialects have. */
const requests = conversations(
  'anthropic-messages',
  {
    systemAnywhere: true,
    images: true,
    imageDetail: false,
    documents: [],
    documentCitations: false,
    audio: false,
    cacheMarks: false,
    customTools: false,
    resultImages: false,
    resultErrors: false,
    refusals: false,
    thoughts: 'none',
  },
  {
    stop: fc.constant([]),
    temperature: fc.constantFrom(null, 0, 0.25),
    topP: fc.constant(null),
    topK: fc.constant(null),
    reasoning: fc.constantFrom(null, { effort: 'none', budgetTokens: null, summary: null }),
    serviceTier: fc.constantFrom(null, 'auto', 'default'),
  },
);

/** Answers of Claude with what all three dialects have. */
const replies = answers({
  citations: null,
  refusals: false,
  customTools: false,
  thoughts: 'anthropic',
  stopSequence: false,
  createdAt: false,
  cacheWrites: true,
});

describe('a reply of Claude that goes through another dialect and comes back', () => {
  it.each([openaiChat, openaiResponses])('is what it was: $name', (other) => {
    fc.assert(
      fc.property(replies, (answer) => {
        const before = anthropicMessages.writeReply(answer, REPLY_CONTEXT);
        const through = other.writeReply(answered(anthropicMessages, before), REPLY_CONTEXT);
        expect(anthropicMessages.writeReply(answered(other, through), REPLY_CONTEXT)).toEqual(before);
      }),
    );
  });
});

describe('a request of Anthropic that goes through another dialect and comes back', () => {
  it.each([openaiChat, openaiResponses])('is what it was: $name', (other) => {
    fc.assert(
      fc.property(requests, (conversation) => {
        const before = written(anthropicMessages, conversation);
        const through = written(other, read(anthropicMessages, before));
        expect(written(anthropicMessages, read(other, through))).toEqual(before);
      }),
    );
  });
});

function written(codec: DialectCodec, conversation: Conversation): JsonObject {
  const context: WriteContext = {
    ...WRITE_CONTEXT,
    model: codec === anthropicMessages ? 'claude-opus-4-6' : 'gpt-5.5',
  };
  const request = codec.writeRequest(conversation, context);
  if (request.kind === 'fault') throw new Error(request.message);
  return JSON.parse(JSON.stringify(request.body)) as JsonObject;
}

function read(codec: DialectCodec, body: JsonObject): Conversation {
  const conversation = codec.readRequest(body);
  if ('kind' in conversation) throw new Error(conversation.message);
  return conversation;
}

function answered(codec: DialectCodec, document: JsonObject): Answer {
  const answer = codec.readReply(document, SAME_NAMES);
  if (answer === null) throw new Error(`${codec.name} takes it for no answer`);
  return answer;
}
