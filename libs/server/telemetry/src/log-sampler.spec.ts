import { describe, expect, it } from 'vitest';
import { LogSampler } from './log-sampler.js';

describe('a flood of lines', () => {
  it('is sampled, and what was left out is counted with the next line', () => {
    let now = 0;
    const sampler = new LogSampler(() => now);
    const taken = Array.from({ length: 1_000 }, () => sampler.take('a')).filter((left) => left !== -1);
    expect(taken).toEqual(Array.from({ length: 20 }, () => 0));
    now = 1_000;
    expect(sampler.take('a')).toBe(980);
    expect(sampler.take('a')).toBe(0);
    expect(sampler.take('a')).toBe(-1);
  });
  it('of one kind hides no line of another', () => {
    const sampler = new LogSampler(() => 0);
    for (let n = 0; n < 1_000; n++) sampler.take('a');
    expect(sampler.take('b')).toBe(0);
  });
  it('of many kinds is bounded as a whole', () => {
    const sampler = new LogSampler(() => 1_000);
    expect(
      Array.from({ length: 10_000 }, (_, n) => sampler.take(`kind ${n}`)).filter((left) => left !== -1).length,
    ).toBeLessThanOrEqual(200);
  });
});
