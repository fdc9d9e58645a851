import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Periodic } from './index.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Work whose runs last until the test calls `end`. */
class Work {
  readonly ends: ((againInMs?: number) => void)[] = [];
  runs = 0;
  underway = 0;
  most = 0;
  readonly run = (): Promise<number | void> => {
    this.runs += 1;
    this.most = Math.max(this.most, (this.underway += 1));
    return new Promise<number | void>((resolve) => this.ends.push((againInMs) => resolve(againInMs))).finally(() => {
      this.underway -= 1;
    });
  };
  async end(againInMs?: number): Promise<void> {
    this.ends.shift()!(againInMs);
    await vi.advanceTimersByTimeAsync(0);
  }
}

describe('periodic work', () => {
  it('runs at once, then every so often, and not before it is started', async () => {
    const work = new Work();
    const periodic = new Periodic(work.run, { everyMs: 100 });
    periodic.wake();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(work.runs).toBe(0);
    periodic.start();
    periodic.start();
    for (let runs = 1; runs < 5; runs++) {
      expect(work.runs).toBe(runs);
      await work.end();
      await vi.advanceTimersByTimeAsync(99);
      expect(work.runs).toBe(runs);
      await vi.advanceTimersByTimeAsync(1);
    }
  });

  it('is stopped once stop is called, and not before it is started, so that work called by hand goes on', async () => {
    const periodic = new Periodic(() => Promise.resolve(), { everyMs: 100 });
    expect(periodic.stopped).toBe(false);
    periodic.start();
    expect(periodic.stopped).toBe(false);
    await periodic.stop();
    expect(periodic.stopped).toBe(true);
    periodic.start();
    expect(periodic.stopped).toBe(false);
    await periodic.stop();
  });

  it('runs first after the time that it is given for that, or when it is woken before, and not once it is stopped', async () => {
    const work = new Work();
    const periodic = new Periodic(work.run, { everyMs: 100, firstInMs: 30 });
    periodic.start();
    await vi.advanceTimersByTimeAsync(29);
    expect(work.runs).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(work.runs).toBe(1);
    await work.end();
    const woken = new Periodic(work.run, { everyMs: 100, firstInMs: 30 });
    woken.start();
    woken.wake();
    expect(work.runs).toBe(2);
    await work.end();
    const stopped = new Periodic(work.run, { everyMs: 100, firstInMs: 30 });
    stopped.start();
    await Promise.all([periodic, woken, stopped].map((each) => each.stop()));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(work.runs).toBe(2);
  });

  it('is one run at a time: what falls due meanwhile is left out, what is woken follows once', async () => {
    const work = new Work();
    const periodic = new Periodic(work.run, { everyMs: 100 });
    periodic.start();
    await vi.advanceTimersByTimeAsync(1_050);
    expect(work.runs).toBe(1);
    periodic.wake();
    periodic.wake();
    await work.end();
    expect(work.runs).toBe(2);
    await work.end();
    expect(work.runs).toBe(2);
    await vi.advanceTimersByTimeAsync(50);
    expect(work.runs).toBe(3);
    expect(work.most).toBe(1);
  });

  it('runs again when the last run asked for it, unless the timer is sooner', async () => {
    const work = new Work();
    const periodic = new Periodic(work.run, { everyMs: 100 });
    periodic.start();
    await work.end(10);
    await vi.advanceTimersByTimeAsync(9);
    expect(work.runs).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(work.runs).toBe(2);
    await work.end(1_000);
    await vi.advanceTimersByTimeAsync(89);
    expect(work.runs).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(work.runs).toBe(3);
  });

  it('ends with the run that is under way, and can be started again', async () => {
    const work = new Work();
    const periodic = new Periodic(work.run, { everyMs: 100 });
    periodic.start();
    periodic.wake();
    let stopped = false;
    const stopping = periodic.stop().then(() => {
      stopped = true;
    });
    expect(periodic.stopped).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stopped).toBe(false);
    await work.end(5);
    await stopping;
    periodic.wake();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(work.runs).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
    periodic.start();
    expect(work.runs).toBe(2);
  });
});
