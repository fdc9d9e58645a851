import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { keepingSession } from './session.js';

const rebalancing = async () => {
  throw new Error('rebalancing');
};
const fine = async () => undefined;

describe('keepingSession', () => {
  it('gives what the work gave, with heartbeats meanwhile', async () => {
    let beats = 0;
    let finish: (value: string) => void = () => undefined;
    const work = new Promise<string>((resolve) => (finish = resolve));
    const beat = async () => {
      beats += 1;
      if (beats === 3) finish('done');
    };
    expect(await keepingSession(beat, 5, work)).toBe('done');
    expect(beats).toBe(3);
  });
  it('finishes the work before it tells that a heartbeat was refused', async () => {
    let finished = false;
    let refuse: () => void = () => undefined;
    const refused = new Promise<void>((resolve) => (refuse = resolve));
    const work = refused
      .then(() => turn())
      .then(() => {
        finished = true;
      });
    const beat = () => {
      refuse();
      return rebalancing();
    };
    await expect(keepingSession(beat, 5, work)).rejects.toThrow('rebalancing');
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
