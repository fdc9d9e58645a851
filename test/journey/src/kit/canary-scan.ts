import type { StoredBytes } from './stored-bytes.js';

/**
 * The places where one of these secrets stands in plain sight, also as base64 or as percent-encoded text. The secrets
 * themselves are not in the answer.
 */
export async function placesWithSecrets(
  secrets: Iterable<string>,
  places: AsyncIterable<StoredBytes> | Iterable<StoredBytes>,
): Promise<string[]> {
  const needles = new Needles([...secrets].flatMap((secret) => [Buffer.from(secret), ...base64Cores(secret)]));
  const found: string[] = [];
  for await (const { place, bytes } of places) {
    if (needles.anyIn(bytes)) found.push(place);
  }
  return found;
}

const WINDOW_BYTES = 8;

/** Finds thousands of texts in one pass over bytes: a search for each would take minutes in a database's files. */
class Needles {
  readonly #short: Buffer[] = [];
  /** By a hash of their first eight bytes. */
  readonly #long = new Map<number, Buffer[]>();
  /** Whether any needle has a hash with these upper bits: most bytes are done with here. */
  readonly #begins = new Uint8Array(1 << 20);

  constructor(needles: readonly Buffer[]) {
    for (const needle of needles) {
      if (needle.length < WINDOW_BYTES) {
        this.#short.push(needle);
        continue;
      }
      const hash = windowHash(needle.readInt32LE(0), needle.readInt32LE(4));
      this.#begins[hash >>> 12] = 1;
      const same = this.#long.get(hash);
      if (same === undefined) this.#long.set(hash, [needle]);
      else same.push(needle);
    }
  }

  anyIn(bytes: Buffer): boolean {
    if (this.#short.some((needle) => bytes.includes(needle))) return true;
    let [low, high] = [0, 0];
    for (let at = 0; at < bytes.length; at++) {
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) | (bytes[at]! << 24);
      const hash = windowHash(low, high);
      if (this.#begins[hash >>> 12] === 0) continue;
      const start = at + 1 - WINDOW_BYTES;
      if (start < 0) continue;
      const candidates = this.#long.get(hash) ?? [];
      if (candidates.some((needle) => bytes.subarray(start, start + needle.length).equals(needle))) return true;
    }
    return false;
  }
}

/** A hash of eight bytes, as two little-endian integers of 32 bits. */
const windowHash = (low: number, high: number): number => Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77);

/** What is common to every base64 text that contains the secret: one core for each of the three alignments. */
function base64Cores(secret: string): Buffer[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from('\0'.repeat(shift) + secret)
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters also hold bits of what stands around the secret.
    return Buffer.from(encoded.slice(shift === 0 ? 0 : shift + 1, -1));
  });
}
