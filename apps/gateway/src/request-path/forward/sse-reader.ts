const LF = '\n',
  CR = '\r';
const DATA = 'data: ';
const CR_CODE = 0x0d,
  LF_CODE = 0x0a;
/** A line end followed by an empty line. CR LF is one line end. */
const BLANK_LINE = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g;
const LINE_END = /\r\n|\n|\r/;
/** The three bytes of the byte order mark, read as latin1. */
const BOM = '\u00ef\u00bb\u00bf';

/**
 * Cuts the bytes of an event stream into whole events, wherever the network cut them, and whether lines end with CR, LF
 * or CR LF, also mixed (HTML Standard §9.2.6). Texts are latin1, one character for each byte, and no byte is changed.
 * No byte is searched twice, so the time for an event grows linearly with its length.
 */
export class EventCutter {
  #held: string[] = [];
  #heldLength = 0;
  /** The last two characters of the held text, in which the end of an event may begin. */
  #last = '';

  /** Bytes of an event that is not complete yet. */
  get heldLength(): number {
    return this.#heldLength;
  }

  /** Takes the next bytes, and returns all events that are complete now. */
  take(arrived: string): string {
    const probe = this.#last + arrived;
    const end = lastEventEnd(probe) - this.#last.length;
    if (end <= 0) {
      this.#hold(arrived);
      return '';
    }
    const whole = this.#heldLength === 0 ? arrived.slice(0, end) : `${this.#held.join('')}${arrived.slice(0, end)}`;
    this.#held = [];
    this.#heldLength = 0;
    this.#last = '';
    if (end < arrived.length) this.#hold(arrived.slice(end));
    return whole;
  }

  /** Returns the held text when the stream ends: an event without its empty line. */
  rest(): string {
    const rest = this.#held.join('');
    this.#held = [];
    this.#heldLength = 0;
    this.#last = '';
    return rest;
  }

  #hold(text: string): void {
    if (text === '') return;
    this.#held.push(text);
    this.#heldLength += text.length;
    this.#last = (this.#last + text).slice(-2);
  }
}

/** The place after the last empty line; 0 if there is none. */
function lastEventEnd(text: string): number {
  if (text.endsWith('\n\n')) return text.length;
  const lf = text.lastIndexOf('\n\n');
  let end = lf === -1 ? 0 : lf + 2;
  // Most streams have no CR, and the forward search finds that out fastest.
  if (!text.includes(CR)) return end;
  for (const pair of ['\n\r', '\r\r']) {
    const at = text.lastIndexOf(pair);
    if (at === -1) continue;
    const after = text.charCodeAt(at + 2) === LF_CODE ? at + 3 : at + 2;
    if (after > end) end = after;
  }
  return end;
}

/** The end of the event that starts at `at`: after its empty line, or the end of the text. */
export function eventEnd(text: string, at: number, mayHaveCr: boolean): number {
  const first = text.charCodeAt(at);
  // A lone empty line. After an event that ended with a CR it may be the LF of that line end.
  if (first === LF_CODE) return at + 1;
  if (!mayHaveCr) {
    const end = text.indexOf('\n\n', at);
    return end === -1 ? text.length : end + 2;
  }
  if (first === CR_CODE) return text.charCodeAt(at + 1) === LF_CODE ? at + 2 : at + 1;
  BLANK_LINE.lastIndex = at;
  const blank = BLANK_LINE.exec(text);
  return blank === null ? text.length : blank.index + blank[0].length;
}

/** One event as the HTML Standard defines it. */
export interface SseEvent {
  /** The value of `event`; empty if there is none. */
  readonly name: string;
  /** The data lines, joined by LF; null if there are none, as in a comment. */
  readonly data: string | null;
}

/** Parses one whole event. */
export function readEvent(text: string): SseEvent {
  // Nearly all events have one line of data and an empty one.
  if (text.startsWith(DATA) && text.indexOf(LF) === text.length - 2 && text.endsWith('\n\n') && !text.includes(CR))
    return { name: '', data: text.slice(DATA.length, -2) };
  let name = '';
  let data: string | null = null;
  const lines = (text.startsWith(BOM) ? text.slice(BOM.length) : text).split(LINE_END);
  for (const line of lines) {
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    if (field !== 'data' && field !== 'event') continue;
    const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    if (field === 'event') name = value;
    else data = data === null ? value : `${data}${LF}${value}`;
  }
  return { name, data };
}

/** The possible beginnings of an event stream. */
const FIRST_LINE = /^(?:data|event|id|retry)(?::|\r|\n)|^:/;
/** The number of characters that are enough to tell. */
const FIRST_LINE_LENGTH = 6;

/** Whether bytes are the beginning of an event stream; null if there are too few to tell. */
export function looksLikeEvents(bytes: Buffer): boolean | null {
  let text = bytes.toString('latin1', 0, 64);
  if (text.startsWith(BOM)) text = text.slice(BOM.length);
  text = text.replace(/^[\r\n\t ]+/, '');
  if (FIRST_LINE.test(text)) return true;
  return text.length >= FIRST_LINE_LENGTH || bytes.length >= 64 ? false : null;
}
