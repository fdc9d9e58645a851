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

/** Why a body could not be decoded: it is too large once it is, a coding's bytes are wrong, or the client has gone. */
export type DecodeFault =
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_room' }
  | { readonly kind: 'too_slow' }
  | { readonly kind: 'broken'; readonly coding: ContentCoding }
  | { readonly kind: 'broken_off' };

/** What a body may take of what it shares with others. */
export interface DecodeBounds {
  /** Asked whenever it has grown, with what is decoded. */
  hasRoom(bytes: number): boolean;
  /** Calls back where it comes too slowly; what it returns is called when it is no longer read. */
  watch(tooSlow: () => void): () => void;
}

const UNBOUNDED: DecodeBounds = { hasRoom: () => true, watch: () => () => undefined };

type Decoder = Gunzip | Inflate | InflateRaw | BrotliDecompress | ZstdDecompress;

/** 8 MiB and no more. */
const ZSTD_PARAMS = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
const EMPTY = Buffer.alloc(0);
/**
 * What a decoder is given at a time, or what came in one turn of the event loop: each part costs it a turn of its own.
 */
const FED_BYTES = 16_384;

/** How many bytes a body that decodes to `bytesMax` can have: encoders add little to what cannot be compressed. */
export function encodedBytesMax(bytesMax: number): number {
  return bytesMax + Math.ceil(bytesMax / 256) + 1024;
}

/**
 * Reads the body of a request and takes its codings off as the bytes come, holding no more than `bytesMax` of what is
 * decoded. What comes after the end of a coding is a fault; several gzip members or zstd frames in a row are one body.
 * Once a fault is found the rest of the request is read away, so that the client can hear of it.
 */
export function decodedBody(
  request: IncomingMessage,
  codings: readonly ContentCoding[],
  bytesMax: number,
  bounds: DecodeBounds = UNBOUNDED,
): Promise<Buffer | DecodeFault> {
  return new Promise((resolve) => {
    const decoders: Decoder[] = [];
    let over = false;
    const end = (outcome: Buffer | DecodeFault): void => {
      if (over) return;
      over = true;
      unwatch();
      for (const decoder of decoders) decoder.destroy();
      request.resume();
      resolve(outcome);
    };
    const unwatch = bounds.watch(() => end({ kind: 'too_slow' }));
    // A request that came whole is closed as well, while its last bytes may still be decoded.
    request.on('close', () => request.readableEnded || end({ kind: 'broken_off' }));

    const collect = (source: Readable): void => {
      const chunks = new BodyChunks();
      source.on('data', (chunk: Buffer) => {
        chunks.add(chunk);
        if (chunks.bytes > bytesMax) end({ kind: 'too_large' });
        else if (!bounds.hasRoom(chunks.bytes)) end({ kind: 'no_room' });
      });
      source.on('end', () => end(chunks.take()));
    };
    const decode = (source: Readable, at: number): void => {
      const coding = codings[at];
      if (coding === undefined) return collect(source);
      let decoder: Decoder | null = null;
      const chunks = new BodyChunks();
      let fed = 0;
      const open = (chunk: Buffer): Decoder => {
        const opened = decoderOf(coding, chunk[0] ?? 0);
        decoders.push(opened);
        opened.on('drain', () => source.resume());
        opened.on('error', () => end({ kind: 'broken', coding }));
        opened.on('end', () => {
          if (!source.readableEnded || opened.bytesWritten !== fed) end({ kind: 'broken', coding });
        });
        decode(opened, at + 1);
        return opened;
      };
      let feeding: NodeJS.Immediate | undefined;
      const feed = (): void => {
        clearImmediate(feeding);
        feeding = undefined;
        if (over || chunks.bytes === 0) return;
        const coded = chunks.take();
        decoder ??= open(coded);
        if (!decoder.write(coded)) source.pause();
      };
      source.on('data', (chunk: Buffer) => {
        fed += chunk.length;
        // A layer between two codings is held to the bound of the outermost: it could be the bomb.
        if (fed > encodedBytesMax(bytesMax)) end({ kind: 'too_large' });
        if (over) return;
        chunks.add(chunk);
        if (chunks.bytes >= FED_BYTES) feed();
        else feeding ??= setImmediate(feed);
      });
      source.on('end', () => {
        feed();
        if (decoder !== null) decoder.end();
        else end(at === 0 ? EMPTY : { kind: 'broken', coding });
      });
    };
    decode(request, 0);
  });
}

function decoderOf(coding: ContentCoding, firstByte: number): Decoder {
  const strict = { rejectGarbageAfterEnd: true };
  switch (coding) {
    // Strict, it would refuse a second member; what else follows is found by its count of bytes.
    case 'gzip':
      return createGunzip();
    // Old clients leave out the zlib header that RFC 9110 asks for; its first byte always ends in 8.
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
