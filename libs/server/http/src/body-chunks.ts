/** From this size on a chunk is kept as it came: what it costs beside its bytes is little of them. */
const LARGE_CHUNK_BYTES = 8_192;
const SPACE_BYTES = 16_384;
const NO_BYTES = Buffer.alloc(0);

/**
 * What has come of a body, to be taken as one buffer. A buffer costs some 200 bytes beside what it holds, and whoever
 * sends a body chooses its chunks: small ones are copied together, so that none costs more than its bytes.
 */
export class BodyChunks {
  /** Most bodies come as one chunk. */
  #only: Buffer | null = null;
  #whole: Buffer[] = [];
  /** Where small chunks are put; of it, from `#from` to `#to` stands what is not in `#whole` yet. */
  #space = NO_BYTES;
  #from = 0;
  #to = 0;
  #bytes = 0;

  /** Bytes that have come since they were last taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Buffers that hold them. */
  get buffers(): number {
    return this.#whole.length + (this.#only === null ? 0 : 1) + (this.#to > this.#from ? 1 : 0);
  }

  add(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const isFirst = this.#bytes === 0;
    this.#bytes += chunk.length;
    if (isFirst) {
      this.#only = chunk;
      return;
    }
    if (this.#only !== null) this.#keep(this.#only);
    this.#only = null;
    this.#keep(chunk);
  }

  /** All that has come, in its order; after that, nothing has. */
  take(): Buffer {
    this.#closeRun();
    const [first, second] = this.#whole;
    const all =
      this.#only ?? (first !== undefined && second === undefined ? first : Buffer.concat(this.#whole, this.#bytes));
    this.#only = null;
    this.#whole = [];
    this.#space = NO_BYTES;
    this.#from = this.#to = 0;
    this.#bytes = 0;
    return all;
  }

  #keep(chunk: Buffer): void {
    if (chunk.length >= LARGE_CHUNK_BYTES) {
      this.#closeRun();
      this.#whole.push(chunk);
      return;
    }
    for (let at = 0; at < chunk.length;) {
      if (this.#to === this.#space.length) {
        this.#closeRun();
        this.#space = Buffer.allocUnsafeSlow(SPACE_BYTES);
        this.#from = this.#to = 0;
      }
      const copied = chunk.copy(this.#space, this.#to, at);
      this.#to += copied;
      at += copied;
    }
  }

  /** What stands in the space goes before what comes now. */
  #closeRun(): void {
    if (this.#to > this.#from) this.#whole.push(this.#space.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
