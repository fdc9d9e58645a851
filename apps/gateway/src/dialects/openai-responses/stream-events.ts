import type { ErrorCode } from '@tollgate/errors';
import { CallCount, mergeReports, NO_DETAILS, reportIn, toolOfItem, type UsageReport } from '@tollgate/usage';
import type { PartsPattern } from '../../providers/credential-mask.js';
import { ToldParts } from '../../providers/told-parts.js';
import { EventCutter, eventEnd, readEvent } from '../../request-path/forward/sse-reader.js';
import { DeliveredMeter } from '../../request-path/usage/delivered-meter.js';
import { NO_ANSWER, type EventError, type StreamPart, type StreamReader } from '../answer.js';
import { errorOfEvent, isObject } from '../openai/reply-error.js';
import { DeltaTemplate } from './delta-template.js';
import { textsOfItem, textsOfResponse } from './delivered-text.js';
import { failedEvent, ownError, type FailedError } from './failed-event.js';
import type { IdSeal } from './id-seal.js';
import { errorOfResponse } from './response-check.js';

const DONE = '[DONE]';
/** Parts of an answer that are delivered at the same time, as calls of several tools, have a template each. */
const TEMPLATES_MAX = 4;
/** Parts whose texts are searched for the credential separately. */
const PARTS_MAX = 1_000;
/**
 * The first events repeat the request, and are held back until the model has begun. Once they are this long, they are
 * passed on, and no other provider is asked any more.
 */
const OPENING_BYTES_MAX = 512 * 1024;
/** Events before the answer of the model begins. */
const BEFORE: ReadonlySet<string> = new Set(['response.created', 'response.queued', 'response.in_progress']);
const ENDS: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete']);
const FAILURES: ReadonlySet<string> = new Set(['response.failed', 'response.cancelled']);

const NOTHING: StreamPart = { events: '', tail: '', done: false };

type Fields = Record<string, unknown>;

/**
 * Reads a streamed response as it is relayed. Its last event has the usage and ends the stream; there is no `[DONE]`.
 * Texts are latin1, one character for each byte.
 *
 * Most events of a stream are the same bytes around a short text and a number: those are read by their template, all
 * others are parsed. Ids of the provider's account are replaced in all of them: a template has none.
 */
export class ResponseEvents implements StreamReader {
  readonly #cutter = new EventCutter();
  readonly #templates: DeltaTemplate[] = [];
  #templatesMade = 0;
  readonly #meter = new DeliveredMeter();
  /** How much of the credential each part of the answer has revealed. */
  readonly #told: ToldParts<string> | null;
  /** The output items whose text came in deltas. */
  readonly #inDeltas = new Set<unknown>();
  readonly #toolCalls = new CallCount();
  #done = false;
  #report: UsageReport | null = null;
  #textAfterReport = false;
  #openingBytes = 0;
  /** The response as it was told last, and the number of the next event. */
  #response: Fields | null = null;
  #next = 0;
  /** What the provider says of its error. */
  #failure: FailedError = { code: null, message: null };

  opened = false;
  finished = false;
  error: EventError | null = null;
  dropped = '';
  /** Until its last event, a response has the tier that was asked for. */
  readonly tierTold = null;

  /** `credential` must not be passed on; null for none. `seal` replaces ids; null if the events are for no client. */
  constructor(
    credential: PartsPattern | null = null,
    private readonly seal: IdSeal | null = null,
  ) {
    this.#told = credential === null ? null : new ToldParts(credential, PARTS_MAX);
  }

  get tellsCredential(): boolean {
    return this.#told?.isEnough === true;
  }

  take(chunk: Buffer): StreamPart {
    return this.#done || this.tellsCredential ? NOTHING : this.#read(this.#cutter.take(chunk.toString('latin1')));
  }

  /**
   * Returns the rest when the stream ends. An incomplete event is dropped. After an error of the provider that did not
   * end the response, an event that does follows.
   */
  end(): StreamPart {
    if (this.#done || this.tellsCredential) return NOTHING;
    const rest = this.#cutter.rest();
    const { data } = readEvent(rest);
    const isWhole = data !== null && parsed(data) !== null;
    if (!isWhole) this.dropped = rest;
    const part = isWhole ? this.#read(`${rest}\n\n`) : NOTHING;
    if (part.done || this.error === null || !this.opened) return part;
    this.#done = true;
    return { events: part.events, tail: this.#failed(this.#failure), done: true };
  }

  get report(): UsageReport | null {
    if (this.#toolCalls.isEmpty) return this.#report;
    const details = { ...NO_DETAILS, toolCalls: this.#toolCalls.made() };
    const counted = { inputTokens: null, outputTokens: null, cachedInputTokens: 0, reasoningTokens: 0, details };
    return mergeReports(this.#report, counted);
  }

  get isReportEarly(): boolean {
    return this.#textAfterReport;
  }

  get heldBytes(): number {
    return this.#cutter.heldLength;
  }

  countedTokens(): number {
    return this.#meter.tokens();
  }

  errorEvent(code: ErrorCode): string {
    return this.#failed(ownError(code));
  }

  #failed(error: FailedError): string {
    const event = failedEvent(this.#response, error, this.#next);
    return this.seal === null ? event : this.seal.inError(event);
  }

  #read(text: string): StreamPart {
    if (text === '') return NOTHING;
    const mayHaveCr = text.includes('\r');
    let events = '';
    let kept = 0;
    for (let at = 0; at < text.length;) {
      const next = this.#readByTemplate(text, at);
      if (this.tellsCredential) return { events: events + text.slice(kept, at), tail: '', done: false };
      if (next !== -1) {
        at = next;
        continue;
      }
      const end = eventEnd(text, at, mayHaveCr);
      const raw = text.slice(at, end);
      const shown = this.#parse(raw);
      if (this.tellsCredential) return { events: events + text.slice(kept, at), tail: '', done: false };
      if (this.#done) return { events: events + text.slice(kept, at), tail: shown, done: true };
      if (shown !== raw) {
        events += text.slice(kept, at) + shown;
        kept = end;
      }
      at = end;
    }
    return { events: kept === 0 ? text : events + text.slice(kept), tail: '', done: false };
  }

  /** The end of the event at `at`, if it follows a template; otherwise -1. */
  #readByTemplate(text: string, at: number): number {
    for (const template of this.#templates) {
      const end = template.eventEnd(text, at);
      if (end === -1) continue;
      const { textStart, textEnd, sequenceNumber, part } = template;
      if (sequenceNumber !== null) this.#next = sequenceNumber + 1;
      if (textEnd > textStart) {
        this.#meter.addJson(text, textStart, textEnd);
        this.#textAfterReport = true;
        this.#told?.addJson(part, text, textStart, textEnd);
      }
      return end;
    }
    return -1;
  }

  /** Reads one event. Returns it as the client is sent it. */
  #parse(raw: string): string {
    const { name, data } = readEvent(raw);
    if (data === null || data === '') return raw;
    // Some servers end every stream so. Clients of Responses take no such event.
    if (data.trim() === DONE) return '';
    const document = parsed(data);
    if (document === null) {
      if (!this.opened) this.error ??= { ...NO_ANSWER, data };
      return this.#shown(raw, null);
    }
    const type = typeof document['type'] === 'string' ? document['type'] : name;
    const number = document['sequence_number'];
    if (typeof number === 'number' && Number.isSafeInteger(number)) this.#next = number + 1;
    const response = isObject(document['response']) ? document['response'] : null;
    if (response !== null) {
      this.#response = response;
      if (this.seal?.learn(response['id']) === false) return this.#refuse(data);
    }
    this.seal?.learn(document['response_id']);
    if (type.endsWith('.delta')) return this.#readDelta(raw, type, document);
    if (FAILURES.has(type)) this.#fail(document, response, data);
    else if (type === 'error' || name === 'error' || !type.startsWith('response.')) this.#readOther(document, data);
    else if (ENDS.has(type)) this.#finish(document, response);
    else if (BEFORE.has(type)) this.#openingBytes += raw.length;
    else {
      this.opened = true;
      if (type === 'response.output_item.done') this.#readItem(document);
    }
    if (this.#openingBytes > OPENING_BYTES_MAX) this.opened = true;
    return this.#shown(raw, document);
  }

  /** Ends a stream that cannot be passed on, and passes nothing on of this event. */
  #refuse(data: string): string {
    this.#done = true;
    this.error ??= { ...NO_ANSWER, data };
    return '';
  }

  /** Handles an event that is no part of a response: an error, or one that nobody knows, as a ping. */
  #readOther(document: Fields, data: string): void {
    const isError = document['type'] === 'error' || document['error'] !== undefined;
    if (!isError) return;
    const error = isObject(document['error']) ? document['error'] : document;
    this.#failure = { code: error['code'] ?? error['type'] ?? null, message: error['message'] ?? null };
    this.error ??= { ...(errorOfResponse(document) ?? errorOfEvent(document)), data };
    this.#hear(reportIn(document));
  }

  #fail(document: Fields, response: Fields | null, data: string): void {
    this.#done = true;
    this.error ??= { ...(errorOfResponse(response ?? document) ?? errorOfEvent(document)), data };
    this.#hear(reportIn(document));
  }

  #finish(document: Fields, response: Fields | null): void {
    this.opened = true;
    this.finished = true;
    this.#done = true;
    if (this.countedTokens() === 0) this.#meter.add(textsOfResponse(response));
    this.#hear(reportIn(document));
  }

  #readDelta(raw: string, type: string, document: Fields): string {
    this.opened = true;
    const { delta } = document;
    const shown = this.#shown(raw, document);
    // Sound is base64, and what a shell printed was not written by the model.
    if (typeof delta !== 'string' || type === 'response.audio.delta') return shown;
    const part = `${String(document['output_index'])}/${String(document['content_index'] ?? document['summary_index'])}`;
    this.#inDeltas.add(document['output_index']);
    if (delta !== '') {
      const text = latin1(delta);
      this.#meter.add([text]);
      this.#textAfterReport = true;
      this.#told?.add(part, text);
    }
    if (shown === raw) this.#learnTemplate(DeltaTemplate.of(raw, part, latin1(delta)));
    return shown;
  }

  /** A new template takes the place of the oldest one. */
  #learnTemplate(template: DeltaTemplate | null): void {
    if (template === null) return;
    this.#templates[this.#templatesMade % TEMPLATES_MAX] = template;
    this.#templatesMade += 1;
  }

  /** Counts an item that is complete: its calls of tools, and its text unless that came in deltas. */
  #readItem(document: Fields): void {
    const { item } = document;
    this.#toolCalls.add(toolOfItem(item), 1);
    const texts = this.#inDeltas.has(document['output_index']) ? nameOf(item) : textsOfItem(item);
    if (texts.length === 0) return;
    this.#meter.add(texts.map(latin1));
    this.#textAfterReport = true;
    if (this.#told === null || this.#inDeltas.has(document['output_index'])) return;
    const part = String(document['output_index']);
    for (const text of texts) this.#told.add(part, latin1(text));
  }

  /** The event for the client: without the provider's ids. */
  #shown(raw: string, document: Fields | null): string {
    return this.seal === null ? raw : this.seal.inEvent(raw, document, this.error !== null);
  }

  #hear(report: UsageReport | null): void {
    if (report === null) return;
    this.#report = mergeReports(this.#report, report);
    this.#textAfterReport = false;
  }
}

function nameOf(item: unknown): string[] {
  const name = isObject(item) ? item['name'] : null;
  return typeof name === 'string' && name !== '' ? [name] : [];
}

/** The JSON object in an event's data, which is latin1; its texts are not. Null if the data is anything else. */
function parsed(data: string): Fields | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(data, 'latin1').toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
