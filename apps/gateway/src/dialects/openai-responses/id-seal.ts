import { readEvent } from '../../request-path/forward/sse-reader.js';
import type { ResponseIds } from './response-ids.js';

/** Ids that are longer than this are not an id of any provider. */
const ID_CHARACTERS_MAX = 200;
/** A shorter id could be a word of the answer, so it is replaced only where it is a whole value. */
const TELLING_CHARACTERS = 12;
/** Names of fields with encrypted content, where they begin a value. Within a text their quotes are escaped. */
const ENCRYPTED = /(?<!\\)"encrypted_content"\s*:\s*"(?!")/g;
/** What looks like the id of a response, in the words of an error. */
const IDS = /resp_[A-Za-z0-9_-]{4,}/g;

/** Replaces the provider's ids in its answers by sealed ones. Texts are latin1, one character for each byte. */
export class IdSeal {
  readonly #sealed = new Map<string, string>();
  readonly #mark: string;

  /** `previous` is the response that the request goes on from, which answers repeat, with the client's own spelling. */
  constructor(
    private readonly ids: ResponseIds,
    previous: { readonly id: string; readonly sealed: string } | null,
  ) {
    this.#mark = ids.mark;
    if (previous !== null) this.#sealed.set(latin1(previous.id), previous.sealed);
  }

  /** Takes the id of a response, so that it is replaced from now on. False if it cannot be one. */
  learn(id: unknown): boolean {
    if (id === undefined || id === null || id === '') return true;
    if (typeof id !== 'string' || id.length > ID_CHARACTERS_MAX) return false;
    const raw = latin1(id);
    if (!this.#sealed.has(raw)) this.#sealed.set(raw, this.ids.seal(id));
    return true;
  }

  /** The JSON of a reply or an event with sealed ids, and with a mark on encrypted content; `document` is its value. */
  inJson(text: string, document: unknown): string {
    const replaced = this.inText(text);
    return this.#marked(hasEscapedName(replaced) ? this.#written(document) : replaced);
  }

  /** Puts a mark before encrypted content. */
  #marked(text: string): string {
    return text.replace(ENCRYPTED, (found) => found + this.#mark);
  }

  /** One event of a stream, of which `document` is the data; null if that is no JSON. */
  inEvent(event: string, document: unknown, isError: boolean): string {
    if (isError) return this.inError(event);
    if (document === null) return this.inText(event);
    const replaced = this.inText(event);
    if (!hasEscapedName(replaced)) return this.#marked(replaced);
    const { name } = readEvent(event);
    return this.#marked(`${name === '' ? '' : `event: ${name}\n`}data: ${this.#written(document)}\n\n`);
  }

  /** A text in which the known ids are replaced. */
  inText(text: string): string {
    let replaced = text;
    for (const [id, sealed] of this.#sealed) {
      if (!replaced.includes(id)) continue;
      replaced =
        id.length >= TELLING_CHARACTERS
          ? replaced.replaceAll(id, sealed)
          : replaced.replaceAll(`"${id}"`, `"${sealed}"`);
    }
    return replaced;
  }

  /** The words of an error, in which whatever looks like the id of a response is replaced. */
  inError(text: string): string {
    return this.inText(text).replace(IDS, (id) => (this.ids.open(id) === null ? this.ids.seal(id) : id));
  }

  /** Writes a document again, for one that spells its ids with escapes. */
  #written(document: unknown): string {
    return latin1(
      JSON.stringify(document, (_name, value: unknown) =>
        typeof value === 'string' ? (this.#sealed.get(latin1(value)) ?? value) : value,
      ),
    );
  }
}

/** Whether a value of the JSON may be an id that is written with escapes. */
function hasEscapedName(text: string): boolean {
  return ESCAPED_ID.test(text);
}

const ESCAPED_ID = /(?<!\\)"(?:id|response_id|previous_response_id)"\s*:\s*"[^"\\]*\\/;

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
