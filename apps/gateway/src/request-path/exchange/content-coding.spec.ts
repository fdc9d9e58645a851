import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { contentCodings, Decoder } from './content-coding.js';

const TEXT = 'data: {"choices":[{"delta":{"content":"h\u00e9llo"}}]}\n\n'.repeat(50);
const CODED: readonly (readonly [string, (text: string) => Buffer])[] = [
  ['gzip', (text) => gzipSync(text)],
  ['X-GZIP', (text) => gzipSync(text)],
  ['deflate', (text) => deflateSync(text)],
  ['deflate', (text) => deflateRawSync(text)],
  ['br', (text) => brotliCompressSync(text)],
  ['zstd', (text) => zstdCompressSync(text)],
  ['gzip, br', (text) => brotliCompressSync(gzipSync(text))],
  ['identity, gzip', (text) => gzipSync(text)],
];

function decode(header: string, pieces: readonly Buffer[], encoding: BufferEncoding = 'utf8'): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const decoder = new Decoder(contentCodings(header)!, {
      data: (chunk) => chunks.push(chunk),
      ended: (error) => (error === undefined ? resolve(Buffer.concat(chunks).toString(encoding)) : reject(error)),
    });
    for (const piece of pieces) decoder.write(piece);
    decoder.end();
  });
}

describe('a coded message', () => {
  it.each(CODED)('in %s is what it was, however it is cut', async (header, code) => {
    const bytes = code(TEXT);
    expect(await decode(header, [bytes])).toBe(TEXT);
    expect(
      await decode(
        header,
        [...bytes].map((byte) => Buffer.from([byte])),
      ),
    ).toBe(TEXT);
    expect(await decode(header, [])).toBe('');
  });
  it.each(CODED)('in %s that breaks off gives what had come', async (header, code) => {
    const bytes = code(TEXT);
    const part = await decode(header, [bytes.subarray(0, bytes.length - 3)], 'latin1').catch(() => '');
    expect(Buffer.from(TEXT).toString('latin1').startsWith(part)).toBe(true);
  });
  it('that is none ends with an error', async () => {
    await expect(decode('gzip', [Buffer.from('{"choices":[]}')])).rejects.toThrow();
    await expect(decode('br', [Buffer.from('{"choices":[{"delta":{"content":"hello"}}]}')])).rejects.toThrow();
  });
  it('is in codings that are known, in any case, and not in many', () => {
    expect(contentCodings('identity')).toEqual([]);
    expect(contentCodings('GZip , identity')).toEqual(['gzip']);
    expect(contentCodings('gzip, br')).toEqual(['br', 'gzip']);
    expect(contentCodings('compress')).toBeUndefined();
    expect(contentCodings(Array.from({ length: 6 }, () => 'gzip').join())).toBeUndefined();
  });
});
