import {
  parseJson,
  writeJson,
  type AnswerEvent,
  type JsonObject,
  type SentEvent,
  type StreamDecoder,
  type StreamEncoder,
} from '@tollgate/conversation';
import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { UsageReport } from '@tollgate/usage';
import { eventEnd, readEvent } from '../../request-path/forward/sse-reader.js';
import type { EventError, StreamPart, StreamReader } from '../answer.js';
import { withoutIds } from '../provider-error.js';

/** What of a translated stream depends on its two dialects. */
interface StreamTelling {
  /** Whether ids of answers open what the provider keeps, so that no client may see them. */
  readonly hidesIds: boolean;
  /** Whether our own errors are written by the encoder, and do not look the same at any place of a stream. */
  readonly tellsErrors: boolean;
}

/**
 * A provider's stream in the client's dialect. The provider's own reader judges it: whether it is an answer, how it
 * ends, what it used, what it delivered. Each event that it passes is read, and written as the client knows it.
 */
export class TranslatedStream implements StreamReader {
  #ended = false;

  constructor(
    private readonly source: StreamReader,
    private readonly decoder: StreamDecoder,
    private readonly encoder: StreamEncoder,
    private readonly how: StreamTelling,
  ) {}

  get opened(): boolean {
    return this.source.opened;
  }

  get finished(): boolean {
    return this.source.finished;
  }

  get error(): EventError | null {
    return this.source.error;
  }

  get tellsCredential(): boolean {
    return this.source.tellsCredential;
  }

  get dropped(): string {
    return this.source.dropped;
  }

  get heldBytes(): number {
    return this.source.heldBytes;
  }

  get report(): UsageReport | null {
    return this.source.report;
  }

  get tierTold(): string | null {
    return this.source.tierTold;
  }

  get isReportEarly(): boolean {
    return this.source.isReportEarly;
  }

  countedTokens(): number {
    return this.source.countedTokens();
  }

  take(chunk: Buffer): StreamPart {
    return this.#translate(this.source.take(chunk), false);
  }

  end(): StreamPart {
    return this.#translate(this.source.end(), true);
  }

  errorEvent(code: ErrorCode): string | null {
    if (!this.how.tellsErrors) return null;
    const kind = code === 'quota_exceeded' ? 'quota' : null;
    return this.#write([{ type: 'error', error: { kind, type: code, code, message: ERRORS[code].message } }]);
  }

  /** The last event goes into the tail, since it tells that the answer is whole. */
  #translate({ events, tail, done }: StreamPart, over: boolean): StreamPart {
    const passed = this.#read(events);
    const last = this.#read(tail);
    const ends = !this.#ended && (done || (over && this.finished)) ? this.decoder.end(done) : [];
    if (done || over) this.#ended = true;
    return { events: this.#write(passed), tail: this.#write([...last, ...ends]), done };
  }

  #read(latin1: string): AnswerEvent[] {
    if (latin1 === '') return [];
    const text = Buffer.from(latin1, 'latin1').toString('utf8');
    const mayHaveCr = text.includes('\r');
    const found: AnswerEvent[] = [];
    for (let at = 0; at < text.length;) {
      const end = eventEnd(text, at, mayHaveCr);
      const { name, data } = readEvent(text.slice(at, end));
      at = end;
      const document = data === null ? null : parsedObject(data);
      if (document !== null) found.push(...this.decoder.take(name === '' ? null : name, document));
    }
    return found;
  }

  #write(events: readonly AnswerEvent[]): string {
    if (events.length === 0) return '';
    let text = '';
    for (const event of events)
      for (const sent of this.encoder.take(this.how.hidesIds ? withoutId(event) : event)) text += textOfEvent(sent);
    return Buffer.from(text, 'utf8').toString('latin1');
  }
}

/** An event without the provider's id of the answer. */
function withoutId(event: AnswerEvent): AnswerEvent {
  if (event.type === 'start') return { ...event, id: '' };
  if (event.type !== 'error') return event;
  return { ...event, error: { ...event.error, message: withoutIds(event.error.message) } };
}

/** An event as it is sent. */
export function textOfEvent({ event, data }: SentEvent): string {
  const line = `data: ${data === '[DONE]' ? data : writeJson(data)}\n\n`;
  return event === null ? line : `event: ${event}\n${line}`;
}

/** The object in the data of an event. Google's servers send an error as a list of one. */
function parsedObject(data: string): JsonObject | null {
  try {
    const value = parseJson(data);
    const document: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    return typeof document === 'object' && document !== null && !Array.isArray(document)
      ? (document as JsonObject)
      : null;
  } catch {
    return null;
  }
}
