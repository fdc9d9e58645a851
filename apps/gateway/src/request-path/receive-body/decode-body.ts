import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  type BrotliDecompress,
  type Gunzip,
  type Inflate,
  type InflateRaw,
  type ZstdDecompress,
} from 'node:zlib';
import { unreachable } from '@tollgate/errors';
import { BodyChunks } from '@tollgate/http';
import { ZSTD_WINDOW_LOG_MAX, type ContentCoding } from '../exchange/content-coding.js';

/** Why a body could not be decoded, for example because the decoded body is too large or the client has left. */
export type DecodeFault =
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_room' }
  | { readonly kind: 'too_slow' }
  | { readonly kind: 'broken'; readonly coding: ContentCoding }
  | { readonly kind: 'broken_off' };

/** Limits that a body shares with others. */
export interface DecodeBounds {
  /** Called with the number of decoded bytes whenever it has grown. */
  hasRoom(bytes: number): boolean;
  /** Starts a watch that calls `tooSlow` if the body arrives too slowly. Returns a function that ends the watch. */
  watch(tooSlow: () => void): () => void;
}

const UNBOUNDED: DecodeBounds = { hasRoom: () => true, watch: () => () => undefined };

type Decoder = Gunzip | Inflate | InflateRaw | BrotliDecompress | ZstdDecompress;

/** Refuses windows above 8 MiB. */
const ZSTD_PARAMS = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
const EMPTY = Buffer.alloc(0);
/**
 * A decoder gets this many bytes at once, or those that arrived in one turn of the event loop: each write costs it a
 * turn.
 */
const FED_BYTES = 16_384;

/** The most bytes of a body that decodes to `bytesMax`: encoders add little to data that cannot be compressed. */
export function encodedBytesMax(bytesMax: number): number {
  return bytesMax + Math.ceil(bytesMax / 256) + 1024;
}

/**
 * Reads the body of a request and decodes it as it arrives. Keeps at most `bytesMax` decoded bytes. Bytes after the end
 * of a coding are a fault, but several gzip members or zstd frames in a row are one body. After a fault the rest of the
 * request is read and dropped, so that the client can read the answer.
 */
export function decodedBody(
  request: IncomingMessage,
  codings: readonly ContentCoding[],
  bytesMax: number,
  bounds: DecodeBounds = UNBOUNDED,
): Promise<Buffer | DecodeFault> {
  return new Promise((resolve) => new BodyDecoding({ request, codings, bytesMax, bounds }, resolve));
}

interface DecodedBody {
  readonly request: IncomingMessage;
  readonly codings: readonly ContentCoding[];
  readonly bytesMax: number;
  readonly bounds: DecodeBounds;
}

/** The decoding of one body: a chain of a `Layer` for each coding, from the request to the collected bytes. */
class BodyDecoding {
  over = false;
  readonly #decoders: Decoder[] = [];
  readonly #unwatch: () => void;

  constructor(
    private readonly body: DecodedBody,
    private readonly resolve: (outcome: Buffer | DecodeFault) => void,
  ) {
    const { request, bounds } = body;
    this.#unwatch = bounds.watch(() => this.end({ kind: 'too_slow' }));
    // A complete request is closed too, perhaps while its last bytes are still being decoded.
    request.on('close', () => request.readableEnded || this.end({ kind: 'broken_off' }));
    this.decode(request, 0);
  }

  /** Decodes a source by the coding at `at`, or collects its bytes if all codings are decoded. */
  decode(source: Readable, at: number): void {
    const coding = this.body.codings[at];
    if (coding === undefined) this.#collect(source);
    else new Layer(this, source, { coding, at, bytesMax: encodedBytesMax(this.body.bytesMax) });
  }

  /** Makes the decoder of a layer, by the first byte that it will get. */
  open(coding: ContentCoding, firstByte: number): Decoder {
    const decoder = decoderOf(coding, firstByte);
    this.#decoders.push(decoder);
    return decoder;
  }

  end(outcome: Buffer | DecodeFault): void {
    if (this.over) return;
    this.over = true;
    this.#unwatch();
    for (const decoder of this.#decoders) decoder.destroy();
    this.body.request.resume();
    this.resolve(outcome);
  }

  #collect(source: Readable): void {
    const { bytesMax, bounds } = this.body;
    const chunks = new BodyChunks();
    source.on('data', (chunk: Buffer) => {
      chunks.add(chunk);
      if (chunks.bytes > bytesMax) this.end({ kind: 'too_large' });
      else if (!bounds.hasRoom(chunks.bytes)) this.end({ kind: 'no_room' });
    });
    source.on('end', () => this.end(chunks.take()));
  }
}

interface LayerPlan {
  readonly coding: ContentCoding;
  readonly at: number;
  readonly bytesMax: number;
}

/** One coding of a body: gathers the bytes of its source, and writes them to a decoder. */
class Layer {
  #decoder: Decoder | null = null;
  readonly #chunks = new BodyChunks();
  #fed = 0;
  #feeding: NodeJS.Immediate | undefined;

  constructor(
    private readonly body: BodyDecoding,
    private readonly source: Readable,
    private readonly plan: LayerPlan,
  ) {
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => this.#end());
  }

  #take(chunk: Buffer): void {
    this.#fed += chunk.length;
    // Each layer has the bound of the outermost, since a layer in between could be a decompression bomb.
    if (this.#fed > this.plan.bytesMax) this.body.end({ kind: 'too_large' });
    if (this.body.over) return;
    this.#chunks.add(chunk);
    if (this.#chunks.bytes >= FED_BYTES) this.#feed();
    else this.#feeding ??= setImmediate(() => this.#feed());
  }

  #feed(): void {
    clearImmediate(this.#feeding);
    this.#feeding = undefined;
    if (this.body.over || this.#chunks.bytes === 0) return;
    const coded = this.#chunks.take();
    this.#decoder ??= this.#open(coded);
    if (!this.#decoder.write(coded)) this.source.pause();
  }

  #open(coded: Buffer): Decoder {
    const { coding, at } = this.plan;
    const decoder = this.body.open(coding, coded[0] ?? 0);
    decoder.on('drain', () => this.source.resume());
    decoder.on('error', () => this.body.end({ kind: 'broken', coding }));
    decoder.on('end', () => {
      if (!this.source.readableEnded || decoder.bytesWritten !== this.#fed) this.body.end({ kind: 'broken', coding });
    });
    this.body.decode(decoder, at + 1);
    return decoder;
  }

  #end(): void {
    this.#feed();
    const { coding, at } = this.plan;
    if (this.#decoder !== null) this.#decoder.end();
    else this.body.end(at === 0 ? EMPTY : { kind: 'broken', coding });
  }
}

function decoderOf(coding: ContentCoding, firstByte: number): Decoder {
  const strict = { rejectGarbageAfterEnd: true };
  switch (coding) {
    // The strict mode would refuse a second member. Other trailing bytes are detected by their count.
    case 'gzip':
      return createGunzip();
    // Old clients leave out the zlib header that RFC 9110 demands. Its first byte always ends in 8.
    case 'deflate':
      return (firstByte & 0x0f) === 8 ? createInflate(strict) : createInflateRaw(strict);
    case 'br':
      return createBrotliDecompress(strict);
    case 'zstd':
      return createZstdDecompress({ ...strict, params: ZSTD_PARAMS });
    default:
      return unreachable(coding);
  }
}
