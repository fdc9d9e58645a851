import { OPEN_BRACKET, QUOTE } from '../../json-scan/json-tokens.js';
import type { NameFault } from '../../json-scan/name-table.js';
import type { ValueReader } from '../request-scan/body-scan.js';

/** What the reader tells of the input. */
export interface InputSeen {
  /** Tokens that the caller cut itself: each is a number in a list. */
  tokens: number;
  /** There are texts in it, of which each byte may be a token. */
  hasText: boolean;
  /** It is a text, a list of texts, a list of tokens, or a list of such lists: its bytes bound what it costs. */
  isBounded: boolean;
}

/** Brackets around the input itself, around the items of a list, and around the tokens of a list in the list. */
const AROUND_INPUT = 1,
  AROUND_ITEM = 2,
  AROUND_TOKEN = 3;
const MINUS = 0x2d,
  ZERO = 0x30,
  NINE = 0x39;

/** Reads the input of an embeddings body as it is scanned. */
export class InputReader implements ValueReader<InputSeen> {
  #tokens = 0;
  #hasText = false;
  #isBounded = true;

  /** Only objects have names, and one that is open is not bounded already. */
  name(): NameFault | null {
    return null;
  }

  open(bytes: Buffer, at: number, depth: number): void {
    if (bytes[at] !== OPEN_BRACKET || depth >= AROUND_TOKEN) this.#isBounded = false;
  }

  scalar(bytes: Buffer, start: number, _end: number, depth: number): void {
    const first = bytes[start] ?? 0;
    if (first === QUOTE) {
      this.#hasText = true;
      if (depth > AROUND_ITEM) this.#isBounded = false;
    } else if (first === MINUS || (first >= ZERO && first <= NINE)) {
      this.#tokens += 1;
      if (depth === AROUND_INPUT) this.#isBounded = false;
    } else if (depth > AROUND_INPUT) this.#isBounded = false;
  }

  close(): void {
    // Nothing begins anew behind a list.
  }

  end(fields: InputSeen): boolean {
    fields.tokens = this.#tokens;
    fields.hasText = this.#hasText;
    fields.isBounded = this.#isBounded;
    return this.#isBounded;
  }
}
