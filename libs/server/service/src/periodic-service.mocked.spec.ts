import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PeriodicService } from './index.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A run lasts until the test lets it end. */
class Sweep extends PeriodicService {
  runs = 0;
  readonly ends: (() => void)[] = [];
  constructor() {
    super({ everyMs: 100 });
  }
  protected override async work(): Promise<void> {
    this.runs += 1;
    await new Promise<void>((resolve) => this.ends.push(resolve));
  }
  get isEnding(): boolean {
    return this.periodic.stopped;
  }
}

describe('work that runs while a service is up', () => {
  it('begins with the service, hears at once that it ends, and is waited for', async () => {
    const sweep = new Sweep();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sweep.runs).toBe(0);
    sweep.onApplicationBootstrap();
    expect(sweep.runs).toBe(1);
    sweep.onModuleDestroy();
    expect(sweep.isEnding).toBe(true);
    let ended = false;
    const end = sweep.onApplicationShutdown().then(() => (ended = true));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ended).toBe(false);
    sweep.ends.shift()!();
    await end;
    expect(sweep.runs).toBe(1);
  });
});
