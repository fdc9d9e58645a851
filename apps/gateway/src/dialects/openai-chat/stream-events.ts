import { textsOfChoice, textsOfChoices } from './delivered-text.js';
import { mergeReports, reportIn, type UsageReport } from '../../request-path/usage/reported-usage.js';
import { DeliveredMeter } from '../../request-path/usage/delivered-meter.js';
import type { PartsPattern } from '../../providers/credential-mask.js';
import { NO_ANSWER, type EventError, type StreamPart, type StreamReader } from '../dialect.js';
import { choicesOf, errorIn, errorOfEvent } from '../openai/reply-error.js';
import { EventTemplate } from './event-template.js';
import { EventCutter, eventEnd, readEvent } from '../../request-path/forward/sse-reader.js';

const DONE = '[DONE]';
/** Streams with more kinds of plain events than this have no template worth looking for: several choices, say. */
const TEMPLATES_MAX = 4;
/** Choices whose texts are searched each on their own; no request asks for more. */
const CHOICES_MAX = 128;

const NOTHING: StreamPart = { events: '', tail: '', done: false };

/**
 * Reads a streamed completion as it passes: whether it is one, what it reports, how it ends, and how much text it
 * delivered, of which the count is ours where nothing is reported. Texts are latin1, a character for each byte.
 *
 * Most events of a stream are the same bytes around a short text: those are read by their template, all others are
 * parsed. So nothing is taken for a report, an error or a text that is not at its own place in the document.
 */
export class StreamEvents implements StreamReader {
  readonly #cutter = new EventCutter();
  /** With the number of the choice whose text it carries. */
  readonly #templates: { readonly template: EventTemplate; readonly choice: number }[] = [];
  readonly #meter = new DeliveredMeter();
  /** How much of the credential each choice has told, by its number. */
  readonly #told: number[] = [];
  #done = false;
  #report: UsageReport | null = null;
  #textAfterReport = false;
  /** The last report told no more output than the one before, although text had come in between. */
  #isReportStuck = false;

  /** A first part of a completion has come: before it, another provider may still be asked. */
  opened = false;
  /** A choice has told why it ended. */
  finished = false;
  /** The first event that was an error, or, before the first part of a completion, no such part. */
  error: EventError | null = null;
  /** The texts of a choice hold our credential, in pieces: the event with which it is too much is not passed on. */
  tellsCredential = false;

  /** Half an event that stood at the end. */
  dropped = '';

  /** `showUsage`: the client asked for the usage chunk. `credential`: what must not be told; null for nothing. */
  constructor(
    private readonly showUsage: boolean,
    private readonly credential: PartsPattern | null = null,
  ) {}

  take(chunk: Buffer): StreamPart {
    return this.#done || this.tellsCredential ? NOTHING : this.#read(this.#cutter.take(chunk.toString('latin1')));
  }

  /**
   * What is left when the stream ends: an event without its empty line, which it gets. Half an event is dropped: what
   * comes behind it, such as our word that the stream broke off, would be taken for its other half.
   */
  end(): StreamPart {
    if (this.#done || this.tellsCredential) return NOTHING;
    const rest = this.#cutter.rest();
    const { data } = readEvent(rest);
    const isWhole = data !== null && (data.trim() === DONE || parsed(data) !== null);
    if (!isWhole) this.dropped = rest;
    return isWhole ? this.#read(`${rest}\n\n`) : NOTHING;
  }

  /** What the provider has reported so far; null for nothing. */
  get report(): UsageReport | null {
    return this.#report;
  }

  /** Whether text was delivered that the last report cannot know of. */
  get isReportEarly(): boolean {
    return this.#textAfterReport || this.#isReportStuck;
  }

  /** Bytes of an event that has not ended yet. */
  get heldBytes(): number {
    return this.#cutter.heldLength;
  }

  /** Output tokens by our own count. */
  countedTokens(): number {
    return this.#meter.tokens();
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

  /** The place behind the event at `at`, where it follows a template; else -1. */
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
        if (this.credential !== null) {
          this.#tell(choice, this.credential.afterJson(this.#toldBy(choice), text, start, textEnd));
        }
      }
      return end;
    }
    return -1;
  }

  /** What becomes of an event. */
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
      // What it reports is believed, what it says is no output.
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
    if (this.credential !== null && texts.length > 0) this.#searchChoices(this.credential, choices);
    // A part of a completion: an error may still follow one without a choice.
    if (choices.length > 0) this.opened = true;
    return choices.length === 0 && !this.showUsage && ((document as { usage?: unknown }).usage ?? null) !== null
      ? 'hide'
      : 'pass';
  }

  #searchChoices(credential: PartsPattern, choices: readonly Record<string, unknown>[]): void {
    for (const choice of choices) {
      const number = numberOf(choice);
      for (const text of textsOfChoice(choice)) this.#tell(number, credential.after(this.#toldBy(number), text));
    }
  }

  #toldBy(choice: number): number {
    return this.#told[choice] ?? 0;
  }

  #tell(choice: number, state: number): void {
    // Nearly always nothing was told, and nothing is.
    if (state === this.#toldBy(choice)) return;
    this.#told[choice] = state;
    if (this.credential?.isEnough(state) === true) this.tellsCredential = true;
  }

  #hear(report: UsageReport | null): void {
    if (report === null) return;
    const before = this.#report?.outputTokens ?? null;
    this.#report = mergeReports(this.#report, report);
    if (this.#textAfterReport && before !== null) this.#isReportStuck = this.#report?.outputTokens === before;
    this.#textAfterReport = false;
  }
}

/** The number of a choice; that of the first where it has none that a request can ask for. */
function numberOf(choice: Record<string, unknown> | undefined): number {
  const index = choice?.['index'];
  return typeof index === 'number' && index >= 0 && index < CHOICES_MAX ? index : 0;
}

/** The object that an event carries; null where it carries anything else. */
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
