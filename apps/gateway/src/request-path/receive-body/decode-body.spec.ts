import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentCodings, type ContentCoding } from '../exchange/content-coding.js';
import { decodedBody, encodedBytesMax, type DecodeFault } from './decode-body.js';

const BYTES_MAX = 100_000;
const encode: Record<ContentCoding, (body: Buffer) => Buffer> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};
const codings = Object.keys(encode) as ContentCoding[];
const text = Buffer.from(
  JSON.stringify({
    model: 'm',
    messages: Array.from({ length: 200 }, (_, i) => ({ role: 'user', content: `message ${i}` })),
  }),
);

let server: Server;
let arrived: (request: IncomingMessage) => void = () => undefined;
beforeAll(async () => {
  server = createServer((request) => arrived(request)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** A request whose body the test writes piece by piece, with the outcome of decoding. */
async function opened(
  header: string,
  bytesMax = BYTES_MAX,
): Promise<{ socket: Socket; request: IncomingMessage; outcome: Promise<Buffer | DecodeFault> }> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  const head = new Promise<IncomingMessage>((resolve) => {
    arrived = resolve;
  });
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  const request = await head;
  return { socket, request, outcome: decodedBody(request, contentCodings(header)!, bytesMax) };
}

const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

/** The outcome of a body that is sent in pieces, each as a chunk of its own. */
async function decoded(header: string, pieces: readonly Buffer[], bytesMax = BYTES_MAX): Promise<Buffer | DecodeFault> {
  const { socket, outcome } = await opened(header, bytesMax);
  for (const piece of pieces) if (piece.length > 0) socket.write(chunk(piece));
  socket.write('0\r\n\r\n');
  const result = await outcome;
  socket.destroy();
  return result;
}

describe('the codings of a body', () => {
  it.each<[string, readonly ContentCoding[] | undefined]>([
    ['gzip', ['gzip']],
    ['GZip', ['gzip']],
    ['x-gzip', ['gzip']],
    ['deflate', ['deflate']],
    ['BR', ['br']],
    ['zstd', ['zstd']],
    ['identity', []],
    ['', []],
    [' , identity ,', []],
    ['gzip, br', ['br', 'gzip']],
    ['zstd,identity , x-GZIP', ['gzip', 'zstd']],
    ['gzip, gzip, gzip, gzip, gzip', ['gzip', 'gzip', 'gzip', 'gzip', 'gzip']],
    ['gzip, gzip, gzip, gzip, gzip, gzip', undefined],
    ['compress', undefined],
    ['gzip, compress', undefined],
    ['gzip;q=1', undefined],
    ['aes128gcm', undefined],
    ['gzip br', undefined],
    ['constructor', undefined],
  ])('of %j are taken off last one first, or unknown', (header, expected) => {
    expect(contentCodings(header)).toEqual(expected);
  });
});

describe.each(codings)('a body coded with %s', (coding) => {
  const coded = encode[coding](text);

  it('is what it was, however it is cut', async () => {
    expect(await decoded(coding, [coded])).toEqual(text);
    expect(
      await decoded(
        coding,
        [...coded].map((byte) => Buffer.from([byte])),
      ),
    ).toEqual(text);
  });
  it('may be empty once it is decoded, or have no bytes at all', async () => {
    expect(await decoded(coding, [encode[coding](Buffer.alloc(0))])).toEqual(Buffer.alloc(0));
    expect(await decoded(coding, [])).toEqual(Buffer.alloc(0));
  });
  it('is a fault wherever it is cut off', async () => {
    for (let length = 1; length < coded.length; length += length < 20 || length > coded.length - 12 ? 1 : 37) {
      expect(await decoded(coding, [coded.subarray(0, length)]), `${length} of ${coded.length} bytes`).toEqual({
        kind: 'broken',
        coding,
      });
    }
  });
  it('is a fault where it is something else', async () => {
    for (const other of [
      text,
      Buffer.from('hello, this is not compressed at all'),
      Buffer.from([0]),
      Buffer.alloc(500, 0xff),
      ...codings.filter((each) => each !== coding).map((each) => encode[each](text)),
    ]) {
      expect(await decoded(coding, [other])).toEqual({ kind: 'broken', coding });
    }
  });
  it('is a fault where something follows, in the same piece or in a later one', async () => {
    for (const tail of [
      Buffer.from('x'),
      Buffer.from('{"model":"other"}'),
      Buffer.alloc(3),
      Buffer.from([0, ...coded]),
    ]) {
      expect(await decoded(coding, [Buffer.concat([coded, tail])])).toEqual({ kind: 'broken', coding });
      expect(await decoded(coding, [coded, ...[...tail].map((byte) => Buffer.from([byte]))])).toEqual({
        kind: 'broken',
        coding,
      });
    }
    const { socket, outcome, request } = await opened(coding);
    request.once('data', () =>
      setImmediate(() => setImmediate(() => socket.write(`${chunk(Buffer.from('late')).toString()}0\r\n\r\n`))),
    );
    socket.write(chunk(coded));
    expect(await outcome).toEqual({ kind: 'broken', coding });
    socket.destroy();
  });
  it('may have exactly as many decoded bytes as are allowed, and not one more', async () => {
    for (const body of [
      Buffer.alloc(5_000, 'x'),
      Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * i * 31 + (i >> 3)) % 251)),
    ]) {
      expect(await decoded(coding, [encode[coding](body)], 5_000)).toEqual(body);
      expect(await decoded(coding, [encode[coding](body)], 4_999)).toEqual({ kind: 'too_large' });
    }
  });
  it('is refused as soon as it is too large, before it has ended', async () => {
    const { socket, outcome } = await opened(coding);
    socket.write(chunk(encode[coding](Buffer.alloc(20_000_000)).subarray(0, -8)));
    expect(await outcome).toEqual({ kind: 'too_large' });
    socket.destroy();
  });
  it('ends when the client breaks off, whatever was decoded by then', async () => {
    for (const sent of [coded.subarray(0, 1), coded.subarray(0, coded.length >> 1), coded]) {
      const { socket, outcome, request } = await opened(coding);
      socket.write(chunk(sent));
      await once(request, 'data');
      socket.destroy();
      expect(await outcome).toEqual({ kind: 'broken_off' });
    }
  });
});

describe('a coded body', () => {
  it('may be made of several gzip members, or zstd frames', async () => {
    const [head, tail] = [text.subarray(0, 700), text.subarray(700)];
    for (const coding of ['gzip', 'zstd'] as const) {
      const members = [encode[coding](head), encode[coding](tail)];
      expect(await decoded(coding, [Buffer.concat(members)])).toEqual(text);
      expect(await decoded(coding, members)).toEqual(text);
    }
    for (const coding of ['deflate', 'br'] as const)
      expect(await decoded(coding, [encode[coding](head), encode[coding](tail)])).toEqual({ kind: 'broken', coding });
  });
  it('may lack the header of zlib, as some clients send deflate', async () => {
    expect(await decoded('deflate', [deflateRawSync(text)])).toEqual(text);
    expect(await decoded('deflate', [deflateRawSync(text, { level: 0 })])).toEqual(text);
  });
  it('may need the window that zstd has at its levels for HTTP, and no larger one', async () => {
    const large = Buffer.alloc(9_000_000, 'x');
    const level = (level: number, windowLog = 0) =>
      zstdCompressSync(large, {
        params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_windowLog]: windowLog },
      });
    expect(await decoded('zstd', [level(19)], large.length)).toEqual(large);
    expect(await decoded('zstd', [level(3, 27)], large.length)).toEqual({ kind: 'broken', coding: 'zstd' });
  });
  it('is what it was under any codings in a row, cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...codings), { minLength: 1, maxLength: 5 }),
        fc.uint8Array({ maxLength: 2_000 }),
        fc.array(fc.nat(3_000), { maxLength: 4 }),
        async (row, body, cuts) => {
          const coded = row.reduce<Buffer>((bytes, coding) => encode[coding](bytes), Buffer.from(body));
          const places = [0, ...cuts.filter((cut) => cut < coded.length).sort((a, b) => a - b), coded.length];
          const pieces = places.slice(1).map((end, i) => coded.subarray(places[i], end));
          return Buffer.from(body).equals((await decoded(row.join(', '), pieces)) as Buffer);
        },
      ),
      { numRuns: 60 },
    );
  });
  it('tells which of its codings is broken', async () => {
    expect(await decoded('gzip, br', [brotliCompressSync(gzipSync(text).subarray(0, -4))])).toEqual({
      kind: 'broken',
      coding: 'gzip',
    });
    expect(await decoded('gzip, br', [brotliCompressSync(gzipSync(text)).subarray(0, -4)])).toEqual({
      kind: 'broken',
      coding: 'br',
    });
    expect(await decoded('gzip, br', [brotliCompressSync(Buffer.alloc(0))])).toEqual({
      kind: 'broken',
      coding: 'gzip',
    });
  });
  it('is too large where a layer between two codings is', async () => {
    const empties = Buffer.concat(Array.from({ length: 20_000 }, () => gzipSync('')));
    expect(empties.length).toBeGreaterThan(encodedBytesMax(BYTES_MAX));
    expect(await decoded('gzip, br', [brotliCompressSync(empties)])).toEqual({ kind: 'too_large' });
  });
  it('that never ends is read away once it is refused, holding no more than its limit', async () => {
    const { socket, outcome, request } = await opened('gzip');
    const bomb = createGzip({ level: 1 });
    bomb.on('data', (bytes: Buffer) => {
      if (!socket.destroyed && !socket.write(chunk(bytes))) bomb.pause();
    });
    socket.on('drain', () => bomb.resume());
    const zeros = Buffer.alloc(1 << 20);
    const blow = (): void => {
      if (!socket.destroyed) bomb.write(zeros, blow);
    };
    blow();
    expect(await outcome).toEqual({ kind: 'too_large' });
    // Bytes after the refusal still arrive, and are dropped.
    await once(request, 'data');
    expect(request.isPaused()).toBe(false);
    socket.destroy();
    bomb.destroy();
  });
});
