import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib';

/** Takes decoded bytes, and is told once how the decoding ended. */
export interface DecodedSink {
  data(chunk: Buffer): void;
  /** Without an error where the coded bytes came to their end, or broke off in the middle. */
  ended(error?: Error): void;
}

/** More codings than this on one message are no mistake but an attempt to keep us busy. */
const CODINGS_MAX = 3;
/** The low half of the first byte of zlib's own format; many servers send `deflate` without it. */
const ZLIB_METHOD = 0x08;

// What has arrived is handed on at once, so that a compressed stream stays a stream; a broken end is the reader's to judge.
const ZLIB = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH };
const ZSTD = { flush: constants.ZSTD_e_flush, finishFlush: constants.ZSTD_e_flush };

const DECODERS: ReadonlyMap<string, (first: Buffer) => Transform> = new Map<string, (first: Buffer) => Transform>([
  ['gzip', () => createGunzip(ZLIB)],
  ['x-gzip', () => createGunzip(ZLIB)],
  ['deflate', (first) => (first.length > 0 && (first[0]! & 0x0f) === ZLIB_METHOD ? createInflate(ZLIB) : createInflateRaw(ZLIB))],
  ['br', () => createBrotliDecompress(BROTLI)],
  ['zstd', () => createZstdDecompress(ZSTD)],
]);

/**
 * The codings that a `content-encoding` header names, in the order in which they were applied, without `identity`;
 * null where one of them is unknown.
 */
export function codingsOf(header: string): readonly string[] | null {
  const codings = header.toLowerCase().split(',').map((coding) => coding.trim()).filter((coding) => coding !== '' && coding !== 'identity');
  return codings.length <= CODINGS_MAX && codings.every((coding) => DECODERS.has(coding)) ? codings : null;
}

/** Decodes one message, bytes as they come. */
export class Decoder {
  readonly #chain: Transform[] = [];
  #sink: DecodedSink | null;

  constructor(private readonly codings: readonly string[], sink: DecodedSink) {
    this.#sink = sink;
  }

  write(chunk: Buffer): void {
    if (this.#chain.length === 0) this.#open(chunk);
    if (this.#sink !== null) this.#chain[0]!.write(chunk);
  }

  end(): void {
    if (this.#chain.length === 0) this.#finish();
    else this.#chain[0]!.end();
  }

  /** Nothing more is wanted of it. */
  destroy(): void {
    this.#sink = null;
    for (const each of this.#chain) each.destroy();
  }

  /** Opens the decoder of the coding that was applied last; the one before it opens with the first bytes decoded. */
  #open(first: Buffer): void {
    const coding = this.codings[this.codings.length - 1 - this.#chain.length]!;
    const decoder = DECODERS.get(coding)!(first);
    this.#chain.push(decoder);
    decoder.on('error', (error: Error) => this.#finish(error));
    if (this.#chain.length === this.codings.length) {
      decoder.on('data', (chunk: Buffer) => this.#sink?.data(chunk));
      decoder.on('end', () => this.#finish());
      return;
    }
    const openNext = (chunk: Buffer): void => {
      decoder.off('end', finish);
      // What the next one cannot take yet waits here.
      decoder.pause();
      this.#open(chunk);
      const next = this.#chain.at(-1)!;
      next.write(chunk);
      decoder.pipe(next);
    };
    const finish = (): void => this.#finish();
    decoder.once('data', openNext).once('end', finish);
  }

  #finish(error?: Error): void {
    const sink = this.#sink;
    this.destroy();
    sink?.ended(error);
  }
}
