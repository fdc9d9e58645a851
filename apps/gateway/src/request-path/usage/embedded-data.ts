import { IMAGE_TOKENS } from './media-tokens.js';

/** The beginning of base64 data within a text, as relays of image models write it (a data URL, RFC 2397). */
const DATA_URL = /data:[\w.+-]+\/[\w.+-]+(?:;[\w=.+-]+)*;base64,/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}/;
/** Shorter texts are not searched. */
const TEXT_LENGTH_MIN = 100;

/**
 * Removes data URLs from texts that are counted, since their base64 is no text. It may arrive in pieces. Each counts as
 * an image.
 */
export class EmbeddedData {
  #count = 0;
  /** True if the last text ended within the base64 of a data URL. */
  #isInside = false;

  /** Tokens of all data that was removed so far. */
  get tokens(): number {
    return this.#count * IMAGE_TOKENS;
  }

  /** Whether a text of this length needs `strip`. */
  concerns(length: number): boolean {
    return this.#isInside || length >= TEXT_LENGTH_MIN;
  }

  /** The text without the data in it. */
  strip(text: string): string {
    let rest = text;
    let kept = '';
    for (;;) {
      if (this.#isInside) {
        rest = rest.replace(BASE64, '');
        if (rest === '') return kept;
        this.#isInside = false;
      }
      const start = rest.includes(';base64,') ? DATA_URL.exec(rest) : null;
      if (start === null) return kept + rest;
      kept += rest.slice(0, start.index);
      rest = rest.slice(start.index + start[0].length);
      this.#count += 1;
      this.#isInside = true;
    }
  }
}
