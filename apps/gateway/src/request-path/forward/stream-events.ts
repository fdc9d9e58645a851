import type { TokenUsage } from '@tollgate/pricing';
import { readUsage } from './usage-report.js';

const LF = Buffer.from('\n\n');
const CRLF = Buffer.from('\r\n\r\n');
const DONE = /(?:^|\n)data: ?\[DONE\]\s*$/;
const DONE_BYTES_MAX = 24;

export interface StreamPart {
  /** Whole events for the client, without what it did not ask for. */
  readonly bytes: Buffer;
  /** Events that end the stream, `data: [DONE]` among them; they go out when the usage is in the journal. */
  readonly tail: Buffer;
  /** Nothing that costs comes after this: the usage chunk, or `[DONE]`. */
  readonly done: boolean;
  readonly usage: TokenUsage | null;
}

/**
 * Cuts a stream of server-sent events into whole events, takes the usage out of it and counts what goes by.
 * A piece of bytes is looked at once, however many events it holds: most hold no usage, and a search tells.
 */
export class StreamEvents {
  #rest: Buffer | null = null;
  #events = 0;
  #bytes = 0;
  #firstEventBytes = 0;

  /** `showUsage`: the client asked for the usage chunk. */
  constructor(private readonly showUsage: boolean) {}

  take(chunk: Buffer): StreamPart {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = lastEventEnd(bytes);
    this.#rest = end === bytes.length ? null : bytes.subarray(end);
    return this.#split(bytes.subarray(0, end));
  }

  /** What is left when the stream ends: an event without its blank line. */
  end(): StreamPart {
    const bytes = this.#rest ?? Buffer.alloc(0);
    this.#rest = null;
    return this.#split(bytes);
  }

  /**
   * Output tokens counted from what went by: an event carries one token or more, and four bytes of text are one.
   * The first event carries the role alone, and measures what every event has besides its text.
   */
  countedTokens(): number {
    if (this.#events < 2) return 0;
    const text = this.#bytes - this.#events * this.#firstEventBytes;
    return Math.max(this.#events - 1, Math.ceil(text / 4));
  }

  #split(bytes: Buffer): StreamPart {
    if (bytes.length === 0) return { bytes, tail: bytes, done: false, usage: null };
    const done = DONE.test(bytes.toString('latin1', Math.max(0, bytes.length - DONE_BYTES_MAX)));
    const doneAt = done ? bytes.lastIndexOf('data:') : bytes.length;
    const events = bytes.subarray(0, doneAt);
    const found = lastUsage(events);
    this.#count(events);
    if (found === null) return { bytes: events, tail: bytes.subarray(doneAt), done, usage: null };
    if (!found.alone) return { bytes: events, tail: bytes.subarray(doneAt), done, usage: found.usage };
    this.#events -= 1;
    this.#bytes -= found.end - found.start;
    const after = events.subarray(found.end);
    const tail = this.showUsage ? bytes.subarray(found.start) : Buffer.concat([after, bytes.subarray(doneAt)]);
    return { bytes: events.subarray(0, found.start), tail, done: true, usage: found.usage };
  }

  #count(events: Buffer): void {
    this.#bytes += events.length;
    const separator = events.includes(LF) ? LF : CRLF;
    for (let at = events.indexOf(separator); at !== -1; at = events.indexOf(separator, at + separator.length)) {
      this.#events += 1;
      if (this.#firstEventBytes === 0) this.#firstEventBytes = at + separator.length;
    }
  }
}

function lastEventEnd(bytes: Buffer): number {
  const lf = bytes.lastIndexOf(LF);
  const crlf = bytes.lastIndexOf(CRLF);
  return Math.max(lf === -1 ? 0 : lf + LF.length, crlf === -1 ? 0 : crlf + CRLF.length);
}

/** The last event with a usage report. `alone`: it carries nothing else, so that who did not ask need not see it. */
function lastUsage(events: Buffer): { start: number; end: number; alone: boolean; usage: TokenUsage } | null {
  const at = Math.max(events.lastIndexOf('"usage":{'), events.lastIndexOf('"usage": {'));
  if (at === -1) return null;
  const before = Math.max(lastEventEnd(events.subarray(0, at)), 0);
  const rest = events.subarray(at);
  const lf = rest.indexOf(LF);
  const crlf = rest.indexOf(CRLF);
  const end = crlf !== -1 && (lf === -1 || crlf < lf) ? at + crlf + CRLF.length : lf === -1 ? events.length : at + lf + LF.length;
  const data = events.toString('utf8', before, end).split(/\r?\n/).flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : [])).join('\n');
  try {
    const parsed = JSON.parse(data) as { usage?: unknown; choices?: unknown };
    const usage = readUsage(parsed.usage);
    return usage === null ? null : { start: before, end, alone: Array.isArray(parsed.choices) && parsed.choices.length === 0, usage };
  } catch {
    return null;
  }
}
