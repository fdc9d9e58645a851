import { isBlank, parseObject } from './fields.js';

/** The beginning of arguments whose first field is the input, as every model writes them that was given the schema. */
const HEAD = '{"input":"';
/** The places in it before which there may be white space. */
const SPACED: ReadonlySet<number> = new Set([0, 1, HEAD.indexOf(':'), HEAD.length - 1]);
/** Characters of a JSON string as they stand, an escape of one character, one of a code, and what may become one. */
const PIECE = /([^"\\]+)|\\u([0-9a-fA-F]{4})|(\\(?:u[0-9a-fA-F]{0,3})?$)|\\([^])|(")/gy;
const HALF_ESCAPE = /\\(?:u[0-9a-fA-F]{0,3})?$/;
const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/**
 * Reads the input of a custom tool out of the arguments of the function that stands for it, `{"input": "…"}`, as they
 * come in pieces: each method returns the text that is known now. Arguments of another form are returned at the end:
 * the field `input` if they have it, else as they are.
 */
export class CustomInput {
  private state: 'head' | 'text' | 'other' | 'over' = 'head';
  /** The beginning, while it may be one; then what may become an escape, or the first half of a character. */
  private kept = '';
  /** How many characters of the beginning have come, without white space. */
  private matched = 0;

  take(piece: string): string {
    if (this.state === 'over') return '';
    this.kept += piece;
    if (this.state === 'head') this.readHead(piece);
    return this.state === 'text' ? this.readText() : '';
  }

  end(): string {
    const { state, kept } = this;
    this.state = 'over';
    if (state === 'over') return '';
    if (state === 'text') return kept.replace(HALF_ESCAPE, '');
    const input = parseObject(kept)?.['input'];
    return typeof input === 'string' ? input : kept;
  }

  /** Reads each character once, however many pieces of white space come before the text. */
  private readHead(piece: string): void {
    for (let at = 0; at < piece.length; at++) {
      const character = piece.charAt(at);
      if (character === HEAD[this.matched]) this.matched++;
      else if (!SPACED.has(this.matched) || !isBlank(character)) {
        this.state = 'other';
        return;
      }
      if (this.matched === HEAD.length) {
        this.state = 'text';
        this.kept = piece.slice(at + 1);
        return;
      }
    }
  }

  private readText(): string {
    let text = '';
    let kept = '';
    for (const [, plain, code, half, escaped, quote] of this.kept.matchAll(PIECE)) {
      if (quote !== undefined) {
        this.state = 'over';
        this.kept = '';
        return text;
      }
      if (half !== undefined) kept = half;
      else text += plain ?? (code === undefined ? unescape(escaped ?? '') : String.fromCharCode(parseInt(code, 16)));
    }
    // A half of a character is no text: whoever is sent it cannot read it.
    if (/[\ud800-\udbff]$/.test(text)) {
      kept = kept === '' ? text.slice(-1) : text.slice(-1) + kept;
      text = text.slice(0, -1);
    }
    this.kept = kept;
    return text;
  }
}

function unescape(character: string): string {
  if (Object.hasOwn(ESCAPED, character)) return ESCAPED[character] ?? '';
  return '"\\/'.includes(character) ? character : `\\${character}`;
}
