import { describe, expect, it } from 'vitest';
import { BodyChunks } from './body-chunks.js';

/** Numbered bytes, so that each shows where it stood. */
const BODY = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7 + (at >> 8)) % 251));

function add(sizes: readonly number[], chunks: BodyChunks): Buffer {
  let at = 0;
  for (const size of sizes) chunks.add(BODY.subarray(at, (at += size)));
  return BODY.subarray(0, at);
}

describe('the chunks of a body', () => {
  it.each<[string, number[]]>([
    ['none', []],
    ['an empty one', [0]],
    ['one small', [5]],
    ['one large', [100_000]],
    ['empty ones between others', [0, 3, 0, 9_000, 0]],
    ['single bytes', Array<number>(50_000).fill(1)],
    ['single bytes between large ones', Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 1 : 9_000))],
    ['what fills a space to its last byte', [1, ...Array<number>(5).fill(8_191), 1]],
    ['what crosses the end of a space', Array<number>(40).fill(3_001)],
    ['large ones', [8_192, 8_193, 60_000]],
    ['a large one first', [70_000, 1, 1]],
    ['a large one last', [1, 1, 70_000]],
  ])('are what came, and take no more memory than it: %s', (_, sizes) => {
    const chunks = new BodyChunks();
    for (let round = 0; round < 2; round++) {
      const expected = add(sizes, chunks);
      expect(chunks.bytes).toBe(expected.length);
      expect(chunks.buffers).toBeLessThanOrEqual(2 + (2 * expected.length) / 8_192);
      expect(chunks.take().equals(expected)).toBe(true);
      expect([chunks.bytes, chunks.buffers]).toEqual([0, 0]);
    }
  });

  it('are not copied where there is one', () => {
    const chunks = new BodyChunks();
    const one = Buffer.from('{}');
    chunks.add(one);
    expect(chunks.take()).toBe(one);
  });

  it('stay as they were taken when more comes', () => {
    const chunks = new BodyChunks();
    const taken: Buffer[] = [];
    for (let at = 0; at < 30_000; at += 2) {
      chunks.add(BODY.subarray(at, at + 1));
      chunks.add(BODY.subarray(at + 1, at + 2));
      if (chunks.bytes >= 5_000) taken.push(chunks.take());
    }
    expect(Buffer.concat(taken).equals(BODY.subarray(0, 30_000))).toBe(true);
  });
});
