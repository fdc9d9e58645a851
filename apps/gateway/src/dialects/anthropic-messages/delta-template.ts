import { textsOfEvent } from './delivered-text.js';

const QUOTE = 0x22,
  BACKSLASH = 0x5c,
  SPACE = 0x20;
/** A text that no provider sends, used to test whether a template fits. */
const PROBE = 'tollgate-probe';
/** What follows the text in an event: the braces of the delta and of the event, with padding before the last one. */
const END = /^"(\}+?) *(\}\r?\n\r?\n)$/;

/**
 * The common bytes of the deltas of one block: they differ in one text, and in the number of spaces before the last
 * brace, by which Anthropic hides the length of the text. Comparing an event with the template costs a small part of
 * parsing it, and proves that it contains nothing else.
 */
export class DeltaTemplate {
  private constructor(
    private readonly before: string,
    /** The bytes from the text's closing quote to the padding. */
    private readonly after: string,
    /** The last brace and the end of the event. */
    private readonly end: string,
  ) {}

  /** Makes the template of an event that carries one text. Null if the place of the text is not certain. */
  static of(event: string, data: string, text: string): DeltaTemplate | null {
    if (text.includes('\\') || text.includes('"')) return null;
    const literal = `"${text}"`;
    const at = event.indexOf(literal);
    if (at === -1 || event.indexOf(literal, at + 1) !== -1) return null;
    const rest = END.exec(event.slice(at + literal.length - 1));
    if (rest === null || !carriesOnly(data.replace(literal, `"${PROBE}"`))) return null;
    const [, braces = '', end = ''] = rest;
    return new DeltaTemplate(flat(event.slice(0, at + 1)), flat(`"${braces}`), flat(end));
  }

  /** The end of the text in the event at `at`, if the event begins as the template does; otherwise -1. */
  textEnd(text: string, at: number): number {
    let end = at + this.before.length;
    if (text.slice(at, end) !== this.before) return -1;
    for (;;) {
      const code = text.charCodeAt(end);
      if (code === QUOTE) return end;
      // The code is NaN at the end of the bytes that have arrived.
      if (!(code >= SPACE)) return -1;
      end += code === BACKSLASH ? 2 : 1;
    }
  }

  /** The start of the text in an event at `at`. */
  textStart(at: number): number {
    return at + this.before.length;
  }

  /** The end of the event whose text ends at `textEnd`; -1 if what follows is not as in the template. */
  eventEnd(text: string, textEnd: number): number {
    let at = textEnd + this.after.length;
    if (text.slice(textEnd, at) !== this.after) return -1;
    while (text.charCodeAt(at) === SPACE) at += 1;
    const end = at + this.end.length;
    return text.slice(at, end) === this.end ? end : -1;
  }
}

/** Copies a string. V8 compares a slice of another string a hundred times more slowly. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function carriesOnly(data: string): boolean {
  try {
    const texts = textsOfEvent(JSON.parse(data));
    return texts.length === 1 && texts[0] === PROBE;
  } catch {
    return false;
  }
}
