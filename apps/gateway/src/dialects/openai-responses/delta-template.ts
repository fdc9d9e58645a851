const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  ZERO = 0x30,
  NINE = 0x39;
const DELTA = /"delta": ?"/g;
const NUMBER = /"sequence_number": ?(?=\d)/g;
/** OpenAI pads events with a random text under this name, so that their sizes reveal nothing. */
const PADDING = /"obfuscation": ?"/g;

type Kind = 'text' | 'number' | 'padding';
interface Hole {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
}

/**
 * The common bytes of the events that deliver a part of an answer. They differ in a text, a number and a padding, in
 * whatever order a server writes them. Comparing an event with the template costs a small part of parsing it, and
 * proves that it contains nothing else.
 */
export class DeltaTemplate {
  /** The place of the text, and the number, of the event that matched last. */
  textStart = 0;
  textEnd = 0;
  sequenceNumber: number | null = null;

  /** `part` names the part of the answer that the events belong to. */
  private constructor(
    readonly part: string,
    private readonly literals: readonly string[],
    private readonly kinds: readonly Kind[],
  ) {}

  /** Makes the template of an event that delivers one text. Null if the places are not certain. */
  static of(event: string, part: string, delta: string): DeltaTemplate | null {
    if (!event.endsWith('\n\n') || delta.includes('\\') || delta.includes('"')) return null;
    const text = only(event, DELTA);
    if (text === null || !event.startsWith(`${delta}"`, text)) return null;
    const holes: Hole[] = [{ kind: 'text', start: text, end: text + delta.length }];
    const number = only(event, NUMBER);
    if (number !== null) holes.push({ kind: 'number', start: number, end: digitsEnd(event, number) });
    const padding = only(event, PADDING);
    if (padding !== null) holes.push({ kind: 'padding', start: padding, end: event.indexOf('"', padding) });
    holes.sort((a, b) => a.start - b.start);
    const literals: string[] = [];
    let at = 0;
    for (const { start, end } of holes) {
      literals.push(flat(event.slice(at, start)));
      at = end;
    }
    literals.push(flat(event.slice(at)));
    return new DeltaTemplate(
      part,
      literals,
      holes.map(({ kind }) => kind),
    );
  }

  /** The end of the event at `at`, if it follows the template; otherwise -1. */
  eventEnd(text: string, at: number): number {
    const { literals, kinds } = this;
    let end = at;
    for (let i = 0; i < literals.length; i++) {
      const literal = literals[i] ?? '';
      if (text.slice(end, end + literal.length) !== literal) return -1;
      end += literal.length;
      const kind = kinds[i];
      if (kind === undefined) return end;
      const start = end;
      end = kind === 'number' ? digitsEnd(text, start) : textEnd(text, start);
      if (end === -1) return -1;
      if (kind === 'number') this.sequenceNumber = Number(text.slice(start, end));
      else if (kind === 'text') {
        this.textStart = start;
        this.textEnd = end;
      }
    }
    return -1;
  }
}

/** The place after the only match of a pattern; null if there is none or more than one. */
function only(event: string, pattern: RegExp): number | null {
  pattern.lastIndex = 0;
  const match = pattern.exec(event);
  if (match === null) return null;
  const end = pattern.lastIndex;
  return pattern.exec(event) === null ? end : null;
}

function digitsEnd(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code >= ZERO && code <= NINE; code = text.charCodeAt(at)) at++;
  return at === from ? -1 : at;
}

/** The place of the quote that ends a text; -1 if it does not end, or has a raw control character. */
function textEnd(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    // The code is NaN at the end of the bytes that have arrived.
    if (!(code >= 0x20)) return -1;
    at += code === BACKSLASH ? 2 : 1;
  }
}

/** Copies a string. V8 compares a slice of another string a hundred times more slowly. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
