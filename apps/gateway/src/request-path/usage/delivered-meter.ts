import { EmbeddedData } from './embedded-data.js';
import { TextMeter } from './text-meter.js';

/** An event counts as a token only for each so many bytes of text: some servers send characters one by one. */
const EVENT_BYTES_MIN = 3;

/**
 * Counts the tokens that a provider delivered: of text by `TextMeter`, and at least one for each event of a stream,
 * since most servers send token by token. Each piece of embedded data has a fixed figure.
 */
export class DeliveredMeter {
  readonly #meter = new TextMeter();
  readonly #embedded = new EmbeddedData();
  #events = 0;

  /** Adds the parsed texts of one event or reply. */
  add(texts: readonly string[]): void {
    if (texts.length === 0) return;
    this.#events += 1;
    for (const text of texts)
      this.#meter.addLatin1(this.#embedded.concerns(text.length) ? this.#embedded.strip(text) : text);
  }

  /** Adds the text of one event as it is written between the quotes of JSON. */
  addJson(text: string, start: number, end: number): void {
    this.#events += 1;
    if (this.#embedded.concerns(end - start)) this.#meter.addJsonLatin1(this.#embedded.strip(text.slice(start, end)));
    else this.#meter.addJsonLatin1(text, start, end);
  }

  /** Output tokens so far. */
  tokens(): number {
    const events = Math.min(this.#events, Math.ceil(this.#meter.length / EVENT_BYTES_MIN));
    return Math.max(events, this.#meter.tokens()) + this.#embedded.tokens;
  }
}
