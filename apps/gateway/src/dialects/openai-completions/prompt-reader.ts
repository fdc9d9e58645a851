import { OPEN_BRACKET, QUOTE } from '../../json-scan/json-tokens.js';
import { isNull, type NameFault } from '../../json-scan/name-table.js';
import type { ValueReader } from '../request-scan/field-table.js';

/** The numbers of brackets around the prompt itself, the items of a list, and the tokens of a nested list. */
const AROUND_PROMPT = 1,
  AROUND_ITEM = 2,
  AROUND_TOKEN = 3;
const MINUS = 0x2d,
  ZERO = 0x30,
  NINE = 0x39;

/** What `PromptReader` found in the prompt. */
export interface PromptSeen {
  /** Tokens that the caller sends as numbers, in lists. */
  promptTokens: number;
  /** True if there are texts, of which each byte may be a token. */
  hasText: boolean;
  /** The number of prompts, each of which is answered. */
  prompts: number;
  /** True if the prompt is a text, a list of texts, a list of tokens, or a list of such lists. */
  isPrompt: boolean;
}

/** Reads the prompt of a completions body during the scan. */
export class PromptReader implements ValueReader<PromptSeen> {
  #tokens = 0;
  #hasText = false;
  #lists = 0;
  #texts = 0;
  #isPrompt = true;

  /** Only objects have names, and an object has already made it no prompt. */
  name(): NameFault | null {
    return null;
  }

  open(bytes: Buffer, at: number, depth: number): void {
    if (bytes[at] !== OPEN_BRACKET || depth >= AROUND_TOKEN) this.#isPrompt = false;
    else if (depth === AROUND_ITEM) this.#lists += 1;
  }

  scalar(bytes: Buffer, start: number, _end: number, depth: number): void {
    const first = bytes[start] ?? 0;
    if (first === QUOTE) {
      this.#hasText = true;
      this.#texts += 1;
      if (depth > AROUND_ITEM) this.#isPrompt = false;
    } else if (first === MINUS || (first >= ZERO && first <= NINE)) {
      this.#tokens += 1;
      if (depth === AROUND_PROMPT) this.#isPrompt = false;
    } else if (depth > AROUND_PROMPT || !isNull(bytes, start)) this.#isPrompt = false;
  }

  close(): void {
    // The end of a list changes nothing.
  }

  end(fields: PromptSeen): boolean {
    fields.promptTokens = this.#tokens;
    fields.hasText = this.#hasText;
    // A list of tokens is one prompt, and so is none at all, for which a model writes anything.
    fields.prompts = Math.max(this.#texts + this.#lists, 1);
    fields.isPrompt = this.#isPrompt;
    return this.#isPrompt;
  }
}
