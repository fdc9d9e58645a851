import { textsOfChoices } from './delivered-text.js';

const QUOTE = 0x22,
  BACKSLASH = 0x5c;
/** A text that no provider sends, used to test whether a template fits. */
const PROBE = 'tollgate-probe';
/** OpenAI pads events with a random text under this name, so that their sizes reveal nothing. */
const PADDING = /"obfuscation": ?"/;

/**
 * The common bytes of a stream's events: nearly all events differ in one text only. Comparing an event with the
 * template costs a small part of parsing it, and proves that it contains nothing else: no usage, no error, no finish
 * reason.
 */
export class EventTemplate {
  private constructor(
    private readonly before: string,
    /** The bytes from the text's closing quote to the end, or to the padding's opening quote. */
    private readonly after: string,
    /** The bytes from the padding's closing quote to the end; null without padding. */
    private readonly afterPadding: string | null,
  ) {}

  /** Makes the template of an event that carries one text. Null if the place of the text is not certain. */
  static of(event: string, data: string, text: string): EventTemplate | null {
    if (!event.endsWith('\n\n') || text.includes('\\') || text.includes('"')) return null;
    const literal = `"${text}"`;
    const at = event.indexOf(literal);
    if (at === -1 || event.indexOf(literal, at + 1) !== -1) return null;
    const before = event.slice(0, at + 1);
    const after = event.slice(at + literal.length - 1);
    // Without an escape the event contains the text exactly once, so the event need not be parsed, which is expensive.
    if (event.includes('\\') && !carriesOnly(data.replace(literal, `"${PROBE}"`), PROBE)) return null;
    const padding = PADDING.exec(after);
    if (padding === null) return new EventTemplate(flat(before), flat(after), null);
    const start = padding.index + padding[0].length;
    const end = after.indexOf('"', start);
    return new EventTemplate(flat(before), flat(after.slice(0, start)), flat(after.slice(end)));
  }

  /** The end of the text in the event at `at`, if the event follows the template; otherwise -1. */
  textEnd(text: string, at: number): number {
    let end = at + this.before.length;
    if (text.slice(at, end) !== this.before) return -1;
    for (;;) {
      const code = text.charCodeAt(end);
      if (code === QUOTE) break;
      // The code is NaN at the end of the bytes that have arrived.
      if (!(code >= 0x20)) return -1;
      end += code === BACKSLASH ? 2 : 1;
    }
    return text.slice(end, end + this.after.length) === this.after ? end : -1;
  }

  /** The start of the text in an event at `at`. */
  textStart(at: number): number {
    return at + this.before.length;
  }

  /** The end of the event whose text ends at `textEnd`; -1 if its padding does not match. */
  eventEnd(text: string, textEnd: number): number {
    const end = textEnd + this.after.length;
    if (this.afterPadding === null) return end;
    const padded = text.indexOf('"', end);
    return padded !== -1 && text.startsWith(this.afterPadding, padded) ? padded + this.afterPadding.length : -1;
  }
}

/** Copies a string. V8 compares a slice of another string a hundred times more slowly. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function carriesOnly(data: string, text: string): boolean {
  try {
    const texts = textsOfChoices(JSON.parse(data));
    return texts.length === 1 && texts[0] === text;
  } catch {
    return false;
  }
}
