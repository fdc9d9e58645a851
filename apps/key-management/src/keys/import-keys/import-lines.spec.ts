import { describe, expect, it } from 'vitest';
import { linesOf } from './import-lines.js';

async function read(text: string, chunkBytes: number, bytesMax = 20): Promise<[number, string | null][]> {
  const bytes = Buffer.from(text);
  const chunks = (async function* () {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      // As a socket does, which uses its memory again.
      const chunk = Buffer.from(bytes.subarray(at, at + chunkBytes));
      yield chunk;
      chunk.fill(0x21);
    }
  })();
  const lines: [number, string | null][] = [];
  for await (const { number, bytes: line } of linesOf(chunks, bytesMax)) lines.push([number, line?.toString() ?? null]);
  return lines;
}

describe('the lines of a body', () => {
  it.each([1, 2, 3, 7, 1_000])('are the same however it is cut: every %s bytes', async (chunkBytes) => {
    expect(await read('{"a":1}\n\n{"ü":2}\r\n \t\n{"c":3}', chunkBytes)).toEqual([
      [1, '{"a":1}'],
      [3, '{"ü":2}\r'],
      [5, '{"c":3}'],
    ]);
    expect(await read('a\nb\n', chunkBytes)).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(await read('', chunkBytes)).toEqual([]);
    expect(await read('\n\r\n', chunkBytes)).toEqual([]);
  });

  it.each([1, 5, 1_000])('are passed over where they are too long, cut every %s bytes', async (chunkBytes) => {
    const [fits, long] = ['x'.repeat(20), 'y'.repeat(21)];
    expect(await read(`${fits}\n${long}\nz\n${long}${long}`, chunkBytes)).toEqual([
      [1, fits],
      [2, null],
      [3, 'z'],
      [4, null],
    ]);
  });
});
