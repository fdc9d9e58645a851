import type { TokenUsage } from '@tollgate/pricing';
import { readUsage } from './usage-report.js';

const LF = Buffer.from('\n\n');
const CRLF = Buffer.from('\r\n\r\n');
const DONE = /(?:^|\n)data: ?\[DONE\]\s*$/;
const DONE_BYTES_MAX = 24;
const COLON = 0x3a;
const USAGE = ['"usage":{', '"usage": {', '"usage" : {'].map((text) => Buffer.from(text));

export interface StreamPart {
  /** Whole events for the client, without what it did not ask for. */
  readonly bytes: Buffer;
  /** What ends the stream, from `data: [DONE]` on; it goes out when the usage is in the journal. */
  readonly tail: Buffer;
  /** `[DONE]` was among them: nothing that costs comes after it. */
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
    const tail = bytes.subarray(doneAt);
    if (found === null) return { bytes: events, tail, done, usage: null };
    if (!found.alone) return { bytes: events, tail, done, usage: found.usage };
    this.#events -= 1;
    this.#bytes -= found.end - found.start;
    if (this.showUsage) return { bytes: events, tail, done, usage: found.usage };
    return { bytes: Buffer.concat([events.subarray(0, found.start), events.subarray(found.end)]), tail, done, usage: found.usage };
  }

  #count(events: Buffer): void {
    const separator = events.includes(LF) ? LF : CRLF;
    let start = 0;
    for (let at = events.indexOf(separator); at !== -1; at = events.indexOf(separator, start)) {
      const end = at + separator.length;
      // A comment keeps the connection alive and carries nothing.
      if (events[start] !== COLON) {
        this.#events += 1;
        this.#bytes += end - start;
        if (this.#firstEventBytes === 0) this.#firstEventBytes = end - start;
      }
      start = end;
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
  let at = -1;
  for (const text of USAGE) at = Math.max(at, events.lastIndexOf(text));
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
