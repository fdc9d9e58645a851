import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import { unreachable } from '@tollgate/errors';

/** Receives decoded bytes, and is told once that the decoding has ended. */
export interface DecodedSink {
  data(chunk: Buffer): void;
  /** Called without an error if the coded bytes are complete, or broke off in the middle. */
  ended(error?: Error): void;
}

/** A content coding that can be decoded, by its registered name (RFC 9110 §8.4.1; RFC 8878; RFC 7932). */
export type ContentCoding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** The value of `Accept-Encoding` in a refusal. */
export const CONTENT_CODINGS = 'gzip, deflate, br, zstd';
/** 8 MiB: an encoder must not require a larger window of a decoder of HTTP bodies (RFC 9659). */
export const ZSTD_WINDOW_LOG_MAX = 23;

const NAMES: ReadonlyMap<string, ContentCoding> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
  ['zstd', 'zstd'],
]);
/** Each coding needs a decoder with its own buffers; curl also accepts at most five. */
const CODINGS_MAX = 5;
/** The low half of the first byte in zlib's format; many servers send `deflate` without that header. */
const ZLIB_METHOD = 0x08;

/**
 * The codings in a `Content-Encoding`, in the order of decoding. Empty if the body is plain; undefined if a coding is
 * unknown, or if there are more than five.
 */
export function contentCodings(header: string): readonly ContentCoding[] | undefined {
  const codings: ContentCoding[] = [];
  for (const part of header.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '' || name === 'identity') continue;
    const coding = NAMES.get(name);
    if (coding === undefined || codings.length === CODINGS_MAX) return undefined;
    codings.unshift(coding);
  }
  return codings;
}

// Decoded bytes are flushed at once, so that a compressed stream stays a stream. A broken end is left to the reader.
const ZLIB = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH };
const ZSTD = {
  flush: constants.ZSTD_e_flush,
  finishFlush: constants.ZSTD_e_flush,
  params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
};

function decoderOf(coding: ContentCoding, first: Buffer): Transform {
  switch (coding) {
    case 'gzip':
      return createGunzip(ZLIB);
    case 'deflate':
      return ((first[0] ?? 0) & 0x0f) === ZLIB_METHOD ? createInflate(ZLIB) : createInflateRaw(ZLIB);
    case 'br':
      return createBrotliDecompress(BROTLI);
    case 'zstd':
      return createZstdDecompress(ZSTD);
    default:
      return unreachable(coding);
  }
}

/** Decodes a provider's reply as its bytes arrive. `codings` are in the order of decoding. */
export class Decoder {
  readonly #chain: Transform[] = [];
  #sink: DecodedSink | null;

  constructor(
    private readonly codings: readonly ContentCoding[],
    sink: DecodedSink,
  ) {
    this.#sink = sink;
  }

  write(chunk: Buffer): void {
    if (this.#chain.length === 0) this.#open(chunk);
    if (this.#sink !== null) this.#chain[0]?.write(chunk);
  }

  end(): void {
    if (this.#chain.length === 0) this.#finish();
    else this.#chain[0]?.end();
  }

  /** Stops the decoding and frees the decoders. */
  destroy(): void {
    this.#sink = null;
    for (const each of this.#chain) each.destroy();
  }

  /** Creates the next decoder, which depends on its first bytes: those that the decoder before it returned. */
  #open(first: Buffer): void {
    const coding = this.codings[this.#chain.length];
    if (coding === undefined) return;
    const decoder = decoderOf(coding, first);
    this.#chain.push(decoder);
    decoder.on('error', (error: Error) => this.#finish(error));
    if (this.#chain.length === this.codings.length) {
      decoder.on('data', (chunk: Buffer) => this.#sink?.data(chunk));
      decoder.on('end', () => this.#finish());
      return;
    }
    const openNext = (chunk: Buffer): void => {
      decoder.off('end', finish);
      // Further bytes wait until the next decoder is connected.
      decoder.pause();
      this.#open(chunk);
      const next = this.#chain.at(-1);
      if (next === undefined) return;
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
