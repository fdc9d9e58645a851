import type { TokenUsage } from '@tollgate/pricing';
import { readUsage } from './usage-report.js';

const LF = '\n\n';
const CRLF = '\r\n\r\n';
const DONE = /(?:^|\n)data: ?\[DONE\]\s*$/;
const DONE_LENGTH_MAX = 24;
const COLON = 0x3a, CLOSE_BRACKET = 0x5d, SPACE = 0x20, CR_CODE = 0x0d, LF_CODE = 0x0a;
/** A field that every usage report has, and text hardly ever: within text its quotes are escaped. */
const USAGE_FIELD = '"completion_tokens"';

export interface StreamPart {
  /** Whole events for the client, without what it did not ask for. */
  readonly events: string;
  /** What ends the stream, from `data: [DONE]` on; it goes out when the usage is in the journal. */
  readonly tail: string;
  /** `[DONE]` was among them: nothing that costs comes after it. */
  readonly done: boolean;
  readonly usage: TokenUsage | null;
}

/**
 * Cuts a stream of server-sent events into whole events, takes the usage out of it and counts what goes by.
 * A piece is looked at once, however many events it holds: most hold no usage, and a search tells. All texts are
 * latin1, a character for each byte: searching and writing strings is cheaper than buffers, and no byte is changed.
 */
export class StreamEvents {
  #rest = '';
  #events = 0;
  #length = 0;
  #firstEventLength = 0;

  /** `showUsage`: the client asked for the usage chunk. */
  constructor(private readonly showUsage: boolean) {}

  take(chunk: Buffer): StreamPart {
    const arrived = chunk.toString('latin1');
    const text = this.#rest === '' ? arrived : this.#rest + arrived;
    const end = text.endsWith(LF) ? text.length : lastEventEnd(text);
    this.#rest = end === text.length ? '' : text.slice(end);
    return this.#split(end === text.length ? text : text.slice(0, end));
  }

  /** What is left when the stream ends: an event without its blank line. */
  end(): StreamPart {
    const text = this.#rest;
    this.#rest = '';
    return this.#split(text);
  }

  /**
   * Output tokens counted from what went by: an event carries one token or more, and four bytes of text are one.
   * The first event carries the role alone, and measures what every event has besides its text.
   */
  countedTokens(): number {
    if (this.#events < 2) return 0;
    const text = this.#length - this.#events * this.#firstEventLength;
    return Math.max(this.#events - 1, Math.ceil(text / 4));
  }

  #split(text: string): StreamPart {
    if (text === '') return { events: '', tail: '', done: false, usage: null };
    const done = mayBeDone(text) && DONE.test(text.slice(-DONE_LENGTH_MAX));
    const doneAt = done ? text.lastIndexOf('data:') : text.length;
    const events = done ? text.slice(0, doneAt) : text;
    const found = lastUsage(events);
    this.#count(events);
    const tail = done ? text.slice(doneAt) : '';
    if (found === null) return { events, tail, done, usage: null };
    if (!found.alone) return { events, tail, done, usage: found.usage };
    this.#events -= 1;
    this.#length -= found.end - found.start;
    return { events: this.showUsage ? events : events.slice(0, found.start) + events.slice(found.end), tail, done, usage: found.usage };
  }

  /** A search for one character is a quarter of one for the two or four that end an event. */
  #count(events: string): void {
    let start = 0;
    for (let at = events.indexOf('\n'); at !== -1; at = events.indexOf('\n', at + 1)) {
      const next = events.charCodeAt(at + 1);
      if (next !== LF_CODE && (next !== CR_CODE || events.charCodeAt(at + 2) !== LF_CODE)) continue;
      at += next === LF_CODE ? 1 : 2;
      const end = at + 1;
      // A comment keeps the connection alive and carries nothing.
      if (events.charCodeAt(start) !== COLON) {
        this.#events += 1;
        this.#length += end - start;
        if (this.#firstEventLength === 0) this.#firstEventLength = end - start;
      }
      start = end;
    }
  }
}

/** Before its line breaks stands a bracket: in an event of a completion, a brace. */
function mayBeDone(text: string): boolean {
  let at = text.length - 1;
  while (at > 0 && text.charCodeAt(at) <= SPACE) at--;
  return text.charCodeAt(at) === CLOSE_BRACKET;
}

function lastEventEnd(text: string): number {
  const lf = text.lastIndexOf(LF);
  const crlf = text.lastIndexOf(CRLF);
  return Math.max(lf === -1 ? 0 : lf + LF.length, crlf === -1 ? 0 : crlf + CRLF.length);
}

/** The last event with a usage report. `alone`: it carries nothing else, so that who did not ask need not see it. */
function lastUsage(events: string): { start: number; end: number; alone: boolean; usage: TokenUsage } | null {
  // Most pieces hold none, and forwards the search is fastest.
  if (!events.includes(USAGE_FIELD)) return null;
  for (let end = events.length; end > 0; ) {
    const at = events.lastIndexOf(USAGE_FIELD, end - 1);
    if (at === -1) return null;
    const report = usageAt(events, at);
    if (report.usage !== null) return { ...report, usage: report.usage };
    end = report.start;
  }
  return null;
}

function usageAt(events: string, at: number): { start: number; end: number; alone: boolean; usage: TokenUsage | null } {
  const start = lastEventEnd(events.slice(0, at));
  const lf = events.indexOf(LF, at);
  const crlf = events.indexOf(CRLF, at);
  const end = crlf !== -1 && (lf === -1 || crlf < lf) ? crlf + CRLF.length : lf === -1 ? events.length : lf + LF.length;
  const data = events.slice(start, end).split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : [])).join('\n');
  try {
    // Its numbers are ASCII, whatever else stands beside them.
    const parsed = JSON.parse(data) as { usage?: unknown; choices?: unknown };
    return { start, end, alone: Array.isArray(parsed.choices) && parsed.choices.length === 0, usage: readUsage(parsed.usage) };
  } catch {
    return { start, end, alone: false, usage: null };
  }
}
