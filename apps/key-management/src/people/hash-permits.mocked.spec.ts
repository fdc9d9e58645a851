import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HashPermits } from './hash-permits.js';

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

describe('permits of hashes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function stage() {
    const permits = new HashPermits({ atOnce: 2, waitingMax: 2, waitMsMax: 1_000 });
    const begun: { name: string; end: () => void; fail: () => void }[] = [];
    const run = (name: string) =>
      permits.run(
        () =>
          new Promise<string>((resolve, reject) =>
            begun.push({ name, end: () => resolve(name), fail: () => reject(new Error(name)) }),
          ),
      );
    return { begun, run, names: () => begun.map((task) => task.name) };
  }

  it('let two run at once; others wait for their turn in order', async () => {
    const { begun, run, names } = stage();
    const all = ['a', 'b', 'c', 'd'].map(run);
    await settled();
    expect(names()).toEqual(['a', 'b']);
    begun[1]!.end();
    await settled();
    expect(names()).toEqual(['a', 'b', 'c']);
    begun[0]!.end();
    await settled();
    expect(names()).toEqual(['a', 'b', 'c', 'd']);
    begun[2]!.end();
    begun[3]!.end();
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd'].map((result) => ({ kind: 'done', result })));
  });

  it('turn away at once what finds the queue full, and after a while what got no turn', async () => {
    const { begun, run, names } = stage();
    const running = [run('a'), run('b')];
    const waiting = [run('c'), run('d')];
    expect(await run('e')).toEqual({ kind: 'busy' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await Promise.all(waiting)).toEqual([{ kind: 'busy' }, { kind: 'busy' }]);
    begun.forEach((task) => task.end());
    await Promise.all(running);
    const later = run('f');
    await settled();
    expect(names()).toEqual(['a', 'b', 'f']);
    begun[2]!.end();
    expect(await later).toEqual({ kind: 'done', result: 'f' });
  });

  it('come back from a task that failed', async () => {
    const { begun, run, names } = stage();
    const failing = [run('a'), run('b')].map((each) => expect(each).rejects.toThrow());
    const waiting = run('c');
    await settled();
    begun[0]!.fail();
    begun[1]!.fail();
    await Promise.all(failing);
    await settled();
    expect(names()).toEqual(['a', 'b', 'c']);
    begun[2]!.end();
    await waiting;
  });
});
