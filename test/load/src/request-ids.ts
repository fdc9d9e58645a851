const ID_BYTES = 36;
const IDS_IN_BLOCK = 65_536;

/**
 * Request ids (UUIDs as text) in the order they came, 36 bytes each: millions of them without work for the garbage
 * collector.
 */
export class RequestIds {
  readonly #blocks: Buffer[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Throws a RangeError for what is no UUID by its length. */
  add(id: string): void {
    if (id.length !== ID_BYTES) throw new RangeError('a request id has 36 characters');
    const at = this.#count % IDS_IN_BLOCK;
    if (at === 0) this.#blocks.push(Buffer.allocUnsafe(IDS_IN_BLOCK * ID_BYTES));
    this.#blocks.at(-1)!.write(id, at * ID_BYTES, ID_BYTES, 'latin1');
    this.#count += 1;
  }

  /** All of them, one behind the other. */
  bytes(): Buffer {
    return Buffer.concat(this.#blocks, this.#count * ID_BYTES);
  }
}

/** The other way: ids of `bytes()`, sorted. */
export function sortedIds(bytes: Buffer): string[] {
  return Array.from({ length: bytes.length / ID_BYTES }, (_, n) =>
    bytes.toString('latin1', n * ID_BYTES, (n + 1) * ID_BYTES),
  ).sort();
}
