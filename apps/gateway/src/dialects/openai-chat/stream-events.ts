import { textsOfChoice, textsOfChoices } from './delivered-text.js';
import { mergeReports, reportIn, withServiceTier, type UsageReport } from '@tollgate/usage';
import { DeliveredMeter } from '../../request-path/usage/delivered-meter.js';
import type { PartsPattern } from '../../providers/credential-mask.js';
import { ToldParts } from '../../providers/told-parts.js';
import { NO_ANSWER, type EventError, type StreamPart, type StreamReader } from '../answer.js';
import { choicesOf, errorIn, errorOfEvent } from '../openai/reply-error.js';
import { EventTemplate } from './event-template.js';
import { EventCutter, eventEnd, readEvent } from '../../request-path/forward/sse-reader.js';

const DONE = '[DONE]';
/** A stream with more kinds of plain events than this, for example with several choices, gets no further templates. */
const TEMPLATES_MAX = 4;
/** The number of choices whose texts are searched separately. No request asks for more. */
const CHOICES_MAX = 128;

const NOTHING: StreamPart = { events: '', tail: '', done: false };

/**
 * Reads a streamed completion as it is relayed: whether it is one, what usage it reports, how it ends, and how much
 * text it delivered. The gateway counts the text itself in case no usage is reported. Texts are latin1, one character
 * for each byte.
 *
 * Most events of a stream are the same bytes around a short text: those are read by their template, all others are
 * parsed. So a report, an error or a text counts only at its own place in the document.
 */
export class StreamEvents implements StreamReader {
  readonly #cutter = new EventCutter();
  /** Each template, with the number of the choice whose text it carries. */
  readonly #templates: { readonly template: EventTemplate; readonly choice: number }[] = [];
  readonly #meter = new DeliveredMeter();
  /** How much of the credential each choice has revealed, by the number of the choice. */
  readonly #told: ToldParts<number> | null;
  #done = false;
  #report: UsageReport | null = null;
  #textAfterReport = false;
  /** True if the last report has no more output than the one before, although text arrived between them. */
  #isReportStuck = false;

  /** True once the first part of a completion has arrived. Before that, another provider may still be asked. */
  opened = false;
  /** True once a choice has given the reason of its end. */
  finished = false;
  /**
   * The first event that was an error, or that was no part of a completion before the first such part; null for none.
   */
  error: EventError | null = null;
  /** An incomplete event that was left at the end of the stream. */
  dropped = '';
  /** OpenAI names the tier in each chunk. */
  tierTold: string | null = null;

  /** `showUsage` says that the client asked for the usage chunk. `credential` must not be passed on; null for none. */
  constructor(
    private readonly showUsage: boolean,
    credential: PartsPattern | null = null,
  ) {
    this.#told = credential === null ? null : new ToldParts(credential);
  }

  /** True if the texts of a choice together contain our credential. The event that completes it is not passed on. */
  get tellsCredential(): boolean {
    return this.#told?.isEnough === true;
  }

  take(chunk: Buffer): StreamPart {
    return this.#done || this.tellsCredential ? NOTHING : this.#read(this.#cutter.take(chunk.toString('latin1')));
  }

  /**
   * Returns the rest when the stream ends. A last event without its empty line gets one. An incomplete event is
   * dropped: a client would take the next text, such as our error event, as its second half.
   */
  end(): StreamPart {
    if (this.#done || this.tellsCredential) return NOTHING;
    const rest = this.#cutter.rest();
    const { data } = readEvent(rest);
    const isWhole = data !== null && (data.trim() === DONE || parsed(data) !== null);
    if (!isWhole) this.dropped = rest;
    return isWhole ? this.#read(`${rest}\n\n`) : NOTHING;
  }

  /**
   * The usage that the provider has reported so far; null for none. A tier that an event before it has named counts
   * where the report's own names none.
   */
  get report(): UsageReport | null {
    return this.#report === null || this.tierTold === null
      ? this.#report
      : withServiceTier(this.#report, this.tierTold);
  }

  /** Whether text was delivered after the last report, so that the report cannot include it. */
  get isReportEarly(): boolean {
    return this.#textAfterReport || this.#isReportStuck;
  }

  /** Bytes of an event that is not complete yet. */
  get heldBytes(): number {
    return this.#cutter.heldLength;
  }

  /** Output tokens by our own count. */
  countedTokens(): number {
    return this.#meter.tokens();
  }

  errorEvent(): null {
    return null;
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
      const fate = this.#parse(raw);
      if (this.tellsCredential) return { events: events + text.slice(kept, at), tail: '', done: false };
      if (fate === 'done') {
        this.#done = true;
        return { events: events + text.slice(kept, at), tail: raw, done: true };
      }
      if (fate === 'hide') {
        events += text.slice(kept, at);
        kept = end;
      }
      at = end;
    }
    return { events: kept === 0 ? text : events + text.slice(kept), tail: '', done: false };
  }

  /** The end of the event at `at`, if it follows a template; otherwise -1. */
  #readByTemplate(text: string, at: number): number {
    for (const { template, choice } of this.#templates) {
      const textEnd = template.textEnd(text, at);
      if (textEnd === -1) continue;
      const end = template.eventEnd(text, textEnd);
      if (end === -1) continue;
      const start = template.textStart(at);
      if (textEnd > start) {
        this.#meter.addJson(text, start, textEnd);
        this.#textAfterReport = true;
        this.#told?.addJson(choice, text, start, textEnd);
      }
      return end;
    }
    return -1;
  }

  /** Reads one event and decides whether it is passed on, hidden, or ends the stream. */
  #parse(raw: string): 'pass' | 'hide' | 'done' {
    const { name, data } = readEvent(raw);
    if (data === null || data === '') return 'pass';
    if (data.trim() === DONE) return 'done';
    const document = parsed(data);
    if (document === null) {
      if (!this.opened) this.error ??= { ...NO_ANSWER, data };
      return 'pass';
    }
    const error = name === 'error' ? errorOfEvent(document) : errorIn(document);
    if (error !== null) {
      this.error ??= { ...error, data };
      // The usage in an error counts, but its text is no output.
      this.#hear(reportIn(document));
      return 'pass';
    }
    return this.#readChunk(document, raw, data);
  }

  #readChunk(document: object, raw: string, data: string): 'pass' | 'hide' {
    const texts = textsOfChoices(document);
    this.#meter.add(texts);
    if (texts.length > 0) this.#textAfterReport = true;
    const report = reportIn(document);
    this.#hear(report);
    const { service_tier: tier } = document as { service_tier?: unknown };
    if (typeof tier === 'string') this.tierTold = tier;
    const choices = choicesOf(document);
    const ends = choices.some(
      (choice) => typeof choice['finish_reason'] === 'string' && choice['finish_reason'] !== '',
    );
    if (ends) this.finished = true;
    const [text] = texts;
    if (
      text !== undefined &&
      texts.length === 1 &&
      !ends &&
      report === null &&
      this.#templates.length < TEMPLATES_MAX
    ) {
      const template = EventTemplate.of(raw, data, text);
      if (template !== null) {
        const choice = numberOf(choices.find((each) => textsOfChoice(each).length > 0));
        this.#templates.push({ template, choice });
      }
    }
    if (this.#told !== null && texts.length > 0) searchChoices(this.#told, choices);
    // An error may still follow a part without a choice, so such a part does not open the answer.
    if (choices.length > 0) this.opened = true;
    return choices.length === 0 && !this.showUsage && ((document as { usage?: unknown }).usage ?? null) !== null
      ? 'hide'
      : 'pass';
  }

  #hear(report: UsageReport | null): void {
    if (report === null) return;
    const before = this.#report?.outputTokens ?? null;
    this.#report = mergeReports(this.#report, report);
    if (this.#textAfterReport && before !== null) this.#isReportStuck = this.#report?.outputTokens === before;
    this.#textAfterReport = false;
  }
}

function searchChoices(told: ToldParts<number>, choices: readonly Record<string, unknown>[]): void {
  for (const choice of choices) for (const text of textsOfChoice(choice)) told.add(numberOf(choice), text);
}

/** The number of a choice; 0 if it has none that a request can ask for. */
function numberOf(choice: Record<string, unknown> | undefined): number {
  const index = choice?.['index'];
  return typeof index === 'number' && index >= 0 && index < CHOICES_MAX ? index : 0;
}

/** The JSON object in an event's data; null if the data is anything else. */
function parsed(data: string): object | null {
  try {
    const value: unknown = JSON.parse(data);
    // Google's servers send an error as a list of one.
    const document: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
    return typeof document === 'object' && document !== null && !Array.isArray(document) ? document : null;
  } catch {
    return null;
  }
}
