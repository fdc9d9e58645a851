import type { AnswerEvent } from '../../answer.js';
import type { DialectCodec, JsonObject, ReplyContext, SentEvent, WriteContext } from '../../dialect-codec.js';
import { FEATURES } from '../../features.js';
import type { Transcript } from './transcripts.js';

/** What the provider is sent, and what the client is answered, as a plain reply and as a stream. */
export function translated(transcript: Transcript, caller: DialectCodec, provider: DialectCodec): string {
  const conversation = caller.readRequest(transcript.request);
  if ('kind' in conversation) throw new Error(conversation.message);
  const written = provider.writeRequest(conversation, writeContext(transcript.model, caller.name));
  if (written.kind === 'fault') throw new Error(written.message);
  const answer = provider.readReply(transcript.reply, written.names);
  if (answer === null) throw new Error('the reply is no answer');
  const decoder = provider.readStream(written.names);
  const events = [...transcript.stream.flatMap((data) => decoder.take(nameOf(data), data)), ...decoder.end()];
  return [
    `The provider is sent (left out: ${written.leftOut.join(', ') || 'nothing'}):`,
    pretty(written.body),
    'The client is answered:',
    pretty(caller.writeReply(answer, replyContext(transcript.request))),
    'In a stream:',
    ...streamed(events, caller, transcript.request).map(lineOf),
    '',
  ].join('\n\n');
}

function streamed(events: readonly AnswerEvent[], caller: DialectCodec, request: JsonObject): readonly SentEvent[] {
  const encoder = caller.writeStream(replyContext(request));
  return events.flatMap((event) => encoder.take(event));
}

function writeContext(model: string, caller: DialectCodec['name']): WriteContext {
  return {
    model,
    outputTokensDefault: 4_096,
    ceilingField: 'max_completion_tokens',
    streamOptions: true,
    hints: true,
    fieldOf: (feature) => (caller === 'inference' ? feature : (FEATURES[feature][caller] ?? feature)),
  };
}

function replyContext(request: JsonObject): ReplyContext {
  return {
    model: String(request['model']),
    requestId: '0199c2a47f3e70008000000000000000',
    nowSeconds: 1_800_000_000,
    showUsage: true,
    request,
    inputTokensCounted: 2_500,
  };
}

function nameOf({ type }: JsonObject): string | null {
  return typeof type === 'string' ? type : null;
}

function pretty(document: JsonObject): string {
  return JSON.stringify(document, null, 2);
}

function lineOf({ event, data }: SentEvent): string {
  const text = data === '[DONE]' ? data : JSON.stringify(data);
  return event === null ? `data: ${text}` : `event: ${event}\ndata: ${text}`;
}

/** The file of a transcript that is kept. */
export function fileOf(pair: string, { name }: Transcript): string {
  return `./${pair}-${name.replaceAll(' ', '-')}.txt`;
}
