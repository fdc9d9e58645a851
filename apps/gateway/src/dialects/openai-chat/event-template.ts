import { textsOfChoices } from './delivered-text.js';

const QUOTE = 0x22,
  BACKSLASH = 0x5c;
/** A text that no provider sends, to try a template with. */
const PROBE = 'tollgate-probe';
/** OpenAI pads events with a random text under this name, so that their sizes tell nothing. */
const PADDING = /"obfuscation": ?"/;

/**
 * What the events of one stream have in common: nearly all of them are the same bytes around one text. An event that
 * follows the template is read by comparing, at a small part of what parsing costs, and it is known to hold nothing
 * else: no usage, no error, no reason to finish.
 */
export class EventTemplate {
  private constructor(
    private readonly before: string,
    /** From the text's closing quote to the end, or to the padding's opening quote. */
    private readonly after: string,
    /** From the padding's closing quote to the end; null without padding. */
    private readonly afterPadding: string | null,
  ) {}

  /** The template of an event that carries one text; null where it cannot be told for certain where that stands. */
  static of(event: string, data: string, text: string): EventTemplate | null {
    if (!event.endsWith('\n\n') || text.includes('\\') || text.includes('"')) return null;
    const literal = `"${text}"`;
    const at = event.indexOf(literal);
    if (at === -1 || event.indexOf(literal, at + 1) !== -1) return null;
    const before = event.slice(0, at + 1);
    const after = event.slice(at + literal.length - 1);
    // Without an escape in it the event has the text once, and here; parsing is dear.
    if (event.includes('\\') && !carriesOnly(data.replace(literal, `"${PROBE}"`), PROBE)) return null;
    const padding = PADDING.exec(after);
    if (padding === null) return new EventTemplate(flat(before), flat(after), null);
    const start = padding.index + padding[0].length;
    const end = after.indexOf('"', start);
    return new EventTemplate(flat(before), flat(after.slice(0, start)), flat(after.slice(end)));
  }

  /** Where the text of the event at `at` ends, where the event follows the template; else -1. */
  textEnd(text: string, at: number): number {
    let end = at + this.before.length;
    if (text.slice(at, end) !== this.before) return -1;
    for (;;) {
      const code = text.charCodeAt(end);
      if (code === QUOTE) break;
      // NaN at the end of what has come.
      if (!(code >= 0x20)) return -1;
      end += code === BACKSLASH ? 2 : 1;
    }
    return text.slice(end, end + this.after.length) === this.after ? end : -1;
  }

  /** Where the text starts in an event at `at`. */
  textStart(at: number): number {
    return at + this.before.length;
  }

  /** Where the event ends whose text ends at `textEnd`; -1 where its padding is no such thing. */
  eventEnd(text: string, textEnd: number): number {
    const end = textEnd + this.after.length;
    if (this.afterPadding === null) return end;
    const padded = text.indexOf('"', end);
    return padded !== -1 && text.startsWith(this.afterPadding, padded) ? padded + this.afterPadding.length : -1;
  }
}

/** A string of its own: one that is a part of another is compared a hundred times more slowly. */
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
