import { parseObject } from './fields.js';

/** The beginning of arguments whose first field is the input, as every model writes them that was given the schema. */
const HEAD = /^\s*\{\s*"input"\s*:\s*"/;
/** What may become such a beginning. */
const HALF_HEAD = /^\s*(?:\{\s*(?:"(?:i(?:n(?:p(?:u(?:t(?:"\s*(?::\s*)?)?)?)?)?)?)?)?)?$/;
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

  take(piece: string): string {
    if (this.state === 'over') return '';
    this.kept += piece;
    if (this.state === 'head') this.readHead();
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

  private readHead(): void {
    const head = HEAD.exec(this.kept);
    if (head !== null) {
      this.state = 'text';
      this.kept = this.kept.slice(head[0].length);
    } else if (!HALF_HEAD.test(this.kept)) this.state = 'other';
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
