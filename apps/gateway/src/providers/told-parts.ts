import type { PartsPattern } from './credential-mask.js';

/** Parts of an answer that are told apart, where a dialect sets no bound of its own. */
const PARTS_MAX = 1_024;

/**
 * How much of our credential each part of a streamed answer has revealed: a choice, a block, an item. A provider can
 * spread it over many events, each of which looks harmless. `Part` is what tells the parts apart.
 */
export class ToldParts<Part> {
  readonly #told = new Map<Part, number>();
  /** True once the texts of one part together contain so much of it that it must not be passed on. */
  isEnough = false;

  /** Of more parts than `partsMax` the later ones are searched each event by itself. */
  constructor(
    private readonly credential: PartsPattern,
    private readonly partsMax: number = PARTS_MAX,
  ) {}

  /** Takes the next text of a part, as latin1. */
  add(part: Part, text: string): void {
    this.#note(part, this.credential.after(this.#of(part), text));
  }

  /** Does it for a text that stands in JSON, from `start` up to `end`. */
  addJson(part: Part, json: string, start: number, end: number): void {
    this.#note(part, this.credential.afterJson(this.#of(part), json, start, end));
  }

  #of(part: Part): number {
    return this.#told.get(part) ?? 0;
  }

  #note(part: Part, state: number): void {
    // Nearly always neither the state before nor the new one has any part of the credential.
    if (state === this.#of(part)) return;
    if (this.#told.size < this.partsMax || this.#told.has(part)) this.#told.set(part, state);
    if (this.credential.isEnough(state)) this.isEnough = true;
  }
}
