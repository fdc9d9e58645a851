import { OPEN_BRACKET, QUOTE } from '../../json-scan/json-tokens.js';
import type { NameFault } from '../../json-scan/name-table.js';
import type { ValueReader } from '../request-scan/field-table.js';

/** What `InputReader` found in the input. */
export interface InputSeen {
  /** Tokens that the caller sends as numbers, in lists. */
  tokens: number;
  /** The lists of tokens within a list: each is a text of its own. */
  lists: number;
  /** True if there are texts, of which each byte may be a token. */
  hasText: boolean;
  /**
   * True if the input is a text, a list of texts, a list of tokens, or a list of such lists: its bytes bound its cost.
   */
  isBounded: boolean;
}

/**
 * The numbers of brackets around the input itself, around the items of a list, and around the tokens of a nested list.
 */
const AROUND_INPUT = 1,
  AROUND_ITEM = 2,
  AROUND_TOKEN = 3;
const MINUS = 0x2d,
  ZERO = 0x30,
  NINE = 0x39;

/** Reads the input of an embeddings body during the scan. */
export class InputReader implements ValueReader<InputSeen> {
  #tokens = 0;
  #lists = 0;
  #hasText = false;
  #isBounded = true;

  /** Only objects have names, and an object has already made the input unbounded. */
  name(): NameFault | null {
    return null;
  }

  open(bytes: Buffer, at: number, depth: number): void {
    if (bytes[at] !== OPEN_BRACKET || depth >= AROUND_TOKEN) this.#isBounded = false;
    if (depth === AROUND_ITEM) this.#lists += 1;
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
    // The end of a list changes nothing.
  }

  end(fields: InputSeen): boolean {
    fields.tokens = this.#tokens;
    fields.lists = this.#lists;
    fields.hasText = this.#hasText;
    fields.isBounded = this.#isBounded;
    return this.#isBounded;
  }
}
