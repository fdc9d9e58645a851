import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anthropicMessages } from '../anthropic-messages/codec.js';
import type { JsonObject } from '../dialect-codec.js';
import { isObject } from '../fields.js';
import { SAME_NAMES } from '../names.js';
import { openaiChat } from '../openai-chat/codec.js';
import { errorOf } from '../testing/accumulate.js';
import { CODEX_TO_CHAT, CODEX_TO_MESSAGES } from '../testing/golden/codex-transcripts.js';
import { mutationsOf } from '../testing/mutations.js';
import { REPLY_CONTEXT, WRITE_CONTEXT } from '../testing/contexts.js';
import { responseOf } from '../testing/response-stream.js';
import { openaiResponses } from './codec.js';

const REQUESTS = [...CODEX_TO_CHAT, ...CODEX_TO_MESSAGES].map(({ request }) => request);
const [CODEX] = CODEX_TO_CHAT;
const CODECS = [openaiChat, anthropicMessages, openaiResponses];

/** A reply of Responses, and the events of a stream, as they are written for what another provider answers. */
function ofChat(): { readonly reply: JsonObject; readonly events: readonly JsonObject[] } {
  if (CODEX === undefined) throw new Error('there is no transcript');
  const answer = openaiChat.readReply(CODEX.reply, SAME_NAMES);
  if (answer === null) throw new Error('the reply is no answer');
  const [decoder, encoder] = [openaiChat.readStream(SAME_NAMES), openaiResponses.writeStream(REPLY_CONTEXT)];
  const read = [...CODEX.stream.flatMap((data) => decoder.take(null, data)), ...decoder.end()];
  const events = read.flatMap((event) => encoder.take(event)).map(({ data }) => data as JsonObject);
  return { reply: openaiResponses.writeReply(answer, REPLY_CONTEXT), events };
}

describe('whatever is wrong', () => {
  it('a request is read, or refused for a field', () => {
    fc.assert(
      fc.property(fc.constantFrom(...REQUESTS).chain(mutationsOf), (request) => {
        if (!isObject(request)) return;
        const read = openaiResponses.readRequest(request);
        // A field can have an empty name.
        if ('kind' in read) return void expect(read.message).not.toBe('');
        for (const codec of CODECS) {
          const written = codec.writeRequest(read, WRITE_CONTEXT);
          if (written.kind === 'written') JSON.stringify(written.body);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('a reply is read, or is none', () => {
    fc.assert(
      fc.property(mutationsOf(ofChat().reply), (reply) => {
        if (!isObject(reply)) return;
        const answer = openaiResponses.readReply(reply, SAME_NAMES);
        if (answer !== null) for (const codec of CODECS) JSON.stringify(codec.writeReply(answer, REPLY_CONTEXT));
      }),
      { numRuns: 400 },
    );
  });

  it('a stream is read in order, ends once, and is written in order', () => {
    const { events } = ofChat();
    const changed = fc
      .nat(events.length - 1)
      .chain((at) =>
        mutationsOf(events[at]).map((event) => events.map((other, index) => (index === at ? event : other))),
      );
    fc.assert(
      fc.property(changed, (all) => {
        const decoder = openaiResponses.readStream(SAME_NAMES);
        const read = [...all.filter(isObject).flatMap((event) => decoder.take(null, event)), ...decoder.end()];
        errorOf(read);
        const encoder = openaiResponses.writeStream(REPLY_CONTEXT);
        responseOf(read.flatMap((event) => encoder.take(event)));
      }),
      { numRuns: 400 },
    );
  });
});
