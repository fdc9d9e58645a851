import { describe, expect, it } from 'vitest';
import { keepingSession } from './session.js';

const rebalancing = async () => {
  throw new Error('rebalancing');
};
const fine = async () => undefined;
const after = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

describe('keepingSession', () => {
  it('gives what the work gave, with heartbeats meanwhile', async () => {
    let beats = 0;
    expect(
      await keepingSession(
        async () => {
          beats += 1;
        },
        5,
        after(60, 'done'),
      ),
    ).toBe('done');
    expect(beats).toBeGreaterThan(2);
  });
  it('finishes the work before it tells that a heartbeat was refused', async () => {
    let finished = false;
    const work = after(40, undefined).then(() => {
      finished = true;
    });
    await expect(keepingSession(rebalancing, 5, work)).rejects.toThrow('rebalancing');
    expect(finished).toBe(true);
  });
  it('leaves work alone that may be abandoned', async () => {
    const never = new Promise(() => undefined);
    await expect(keepingSession(rebalancing, 5, never, { abandon: true })).rejects.toThrow('rebalancing');
  });
  it('rejects as the work does', async () => {
    await expect(keepingSession(fine, 5, Promise.reject(new Error('work')))).rejects.toThrow('work');
  });
});
