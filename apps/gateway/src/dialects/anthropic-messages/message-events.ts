import { mergeReports, reportIn, type UsageReport } from '@tollgate/usage';
import type { PartsPattern } from '../../providers/credential-mask.js';
import { ToldParts } from '../../providers/told-parts.js';
import { EventCutter, eventEnd, readEvent } from '../../request-path/forward/sse-reader.js';
import { DeliveredMeter } from '../../request-path/usage/delivered-meter.js';
import { NO_ANSWER, type EventError, type StreamPart, type StreamReader } from '../answer.js';
import { errorIn, errorOfEvent, isObject } from '../openai/reply-error.js';
import { DeltaTemplate } from './delta-template.js';
import { textsOfEvent } from './delivered-text.js';

/** The most templates that are kept: one for each of the last blocks. */
const TEMPLATES_MAX = 4;
/** The number of blocks whose texts are searched separately. */
const BLOCKS_MAX = 1_024;
const NOTHING: StreamPart = { events: '', tail: '', done: false };
/** The events that are part of an answer. Others, such as pings, and those that nobody knows yet, only pass. */
const CONTENT: ReadonlySet<unknown> = new Set([
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
]);

type Event = Readonly<Record<string, unknown>>;

/**
 * Reads a streamed answer of Messages as it is relayed, as `StreamReader` says. All events pass as they came. Reports
 * of usage are cumulative: the first event has the input, later ones the output so far, and fields may be absent. Texts
 * are latin1, one character for each byte.
 *
 * Most events are the same bytes around a short text: those are read by their template, all others are parsed.
 */
export class MessageEvents implements StreamReader {
  readonly #cutter = new EventCutter();
  /** Each template, with the number of the block whose text it carries; the one that fitted last comes first. */
  readonly #templates: { readonly template: DeltaTemplate; readonly block: number }[] = [];
  readonly #meter = new DeliveredMeter();
  /** How much of the credential each block has revealed, by its number. */
  readonly #told: ToldParts<number> | null;
  #done = false;
  #textAfterReport = false;
  /** True if the last report has no more output than the one before, although text arrived between them. */
  #isReportStuck = false;
  /** True if the answer has begun, but nothing of its content has arrived. */
  #begun = false;

  report: UsageReport | null = null;
  opened = false;
  finished = false;
  error: EventError | null = null;
  dropped = '';
  /** The first event has a report, which names the tier. */
  readonly tierTold = null;

  /** `credential` must not be passed on; null for none. */
  constructor(credential: PartsPattern | null = null) {
    this.#told = credential === null ? null : new ToldParts(credential);
  }

  get tellsCredential(): boolean {
    return this.#told?.isEnough === true;
  }

  take(chunk: Buffer): StreamPart {
    return this.#done || this.tellsCredential ? NOTHING : this.#read(this.#cutter.take(chunk.toString('latin1')));
  }

  /** Returns the rest when the stream ends. A last event without its empty line gets one; half an event is dropped. */
  end(): StreamPart {
    if (this.#done || this.tellsCredential) return NOTHING;
    const rest = this.#cutter.rest();
    const { data } = readEvent(rest);
    const isWhole = data !== null && parsed(data) !== null;
    if (!isWhole) this.dropped = rest;
    return isWhole ? this.#read(`${rest}\n\n`) : NOTHING;
  }

  get isReportEarly(): boolean {
    return this.#textAfterReport || this.#isReportStuck;
  }

  get heldBytes(): number {
    return this.#cutter.heldLength;
  }

  countedTokens(): number {
    return this.#meter.tokens();
  }

  errorEvent(): null {
    return null;
  }

  #read(text: string): StreamPart {
    const mayHaveCr = text.includes('\r');
    for (let at = 0; at < text.length;) {
      let end = this.#readByTemplate(text, at);
      let isLast = false;
      if (end === -1) {
        end = eventEnd(text, at, mayHaveCr);
        isLast = this.#parse(text.slice(at, end));
      }
      if (this.tellsCredential) return { events: text.slice(0, at), tail: '', done: false };
      if (isLast) {
        this.#done = true;
        return { events: text.slice(0, at), tail: text.slice(at, end), done: true };
      }
      at = end;
    }
    return text === '' ? NOTHING : { events: text, tail: '', done: false };
  }

  /** The end of the event at `at`, if it follows a template; otherwise -1. */
  #readByTemplate(text: string, at: number): number {
    for (const { template, block } of this.#templates) {
      const textEnd = template.textEnd(text, at);
      if (textEnd === -1) continue;
      const end = template.eventEnd(text, textEnd);
      if (end === -1) continue;
      const start = template.textStart(at);
      if (textEnd > start) {
        this.#meter.addJson(text, start, textEnd);
        this.#textAfterReport = true;
        this.#told?.addJson(block, text, start, textEnd);
      }
      return end;
    }
    return -1;
  }

  /** Reads one event. Returns true for the last one of an answer. */
  #parse(raw: string): boolean {
    const { name, data } = readEvent(raw);
    if (data === null || data === '') return false;
    const event = parsed(data);
    if (event === null) {
      if (!this.opened && !this.#begun) this.error ??= { ...NO_ANSWER, data };
      return false;
    }
    const error = name === 'error' ? errorOfEvent(event) : errorIn(event);
    if (error !== null) {
      this.error ??= { ...error, data };
      this.#hear(reportIn(event));
      return false;
    }
    return this.#take(event, raw, data);
  }

  #take(event: Event, raw: string, data: string): boolean {
    const type = event['type'];
    const texts = textsOfEvent(event);
    if (texts.length > 0) {
      this.#meter.add(texts);
      this.#textAfterReport = true;
      this.#learn(event, raw, data, texts);
      for (const text of texts) this.#told?.add(blockOf(event), text);
    }
    this.#hear(reportIn(event));
    if (type === 'message_start') this.#begun = true;
    if (CONTENT.has(type)) this.opened = true;
    if (type === 'message_delta' && isObject(event['delta']) && typeof event['delta']['stop_reason'] === 'string')
      this.finished = true;
    return type === 'message_stop';
  }

  #learn(event: Event, raw: string, data: string, texts: readonly string[]): void {
    const [text] = texts;
    if (event['type'] !== 'content_block_delta' || text === undefined || texts.length !== 1) return;
    const template = DeltaTemplate.of(raw, data, text);
    if (template === null) return;
    this.#templates.unshift({ template, block: blockOf(event) });
    if (this.#templates.length > TEMPLATES_MAX) this.#templates.pop();
  }

  #hear(report: UsageReport | null): void {
    if (report === null) return;
    const before = this.report?.outputTokens ?? null;
    this.report = mergeReports(this.report, report);
    if (this.#textAfterReport && before !== null) this.#isReportStuck = this.report?.outputTokens === before;
    this.#textAfterReport = false;
  }
}

/** The number of the block that an event belongs to. */
function blockOf({ index }: Event): number {
  return typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < BLOCKS_MAX ? index : 0;
}

/** The JSON object in an event's data; null if the data is anything else. */
function parsed(data: string): Event | null {
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
