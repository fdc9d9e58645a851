import type { RedisConnection } from '@tollgate/redis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisKeySnapshotReader } from './redis-reader.js';

/** A Redis whose stream has what a test puts there; its clock and its answers come when the test says so. */
class StreamOfTest {
  /** Ahead of the clocks of this process by years, as a clock that nobody has set. */
  clockMs = 4_000_000_000_000;
  #position = 0;
  readonly #entries: [string, string[]][] = [];
  #awaiting: ((reply: unknown) => void) | null = null;
  #held = false;

  readonly connection = {
    storeId: () => 'run',
    duplicate: () => this.connection,
    close: () => Promise.resolve(),
    client: {
      xrevrange: () => Promise.resolve([]),
      xread: () =>
        new Promise((resolve) => {
          this.#awaiting = resolve;
          this.#answer();
        }),
      time: () => Promise.resolve([Math.floor(this.clockMs / 1_000), (this.clockMs % 1_000) * 1_000]),
      disconnect: () => undefined,
    },
  } as unknown as RedisConnection;

  /** As `append-change.lua` writes it: `t` is Redis's clock; without it, as the release before did. */
  async beat({ t = String(this.clockMs), id = this.clockMs, more = [] as string[] } = {}): Promise<void> {
    const fields = ['q', '0', 'j', '', 'p', '0', 'o', '', ...(t === '' ? [] : ['t', t]), ...more];
    this.#entries.push([`${id}-${this.#entries.length}`, fields]);
    this.#answer();
    await this.pass(0);
  }

  hold(): void {
    this.#held = true;
  }

  deliver(): void {
    this.#held = false;
    this.#answer();
  }

  /** Lets time pass for Redis and for this process alike. */
  async pass(ms: number): Promise<void> {
    this.clockMs += ms;
    await vi.advanceTimersByTimeAsync(ms);
  }

  #answer(): void {
    if (this.#held || this.#awaiting === null || this.#position === this.#entries.length) return;
    const answer = this.#awaiting;
    this.#awaiting = null;
    answer([['stream', this.#entries.slice(this.#position)]]);
    this.#position = this.#entries.length;
  }
}

let redis: StreamOfTest;
let reader: RedisKeySnapshotReader;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  redis = new StreamOfTest();
  reader = new RedisKeySnapshotReader(redis.connection);
  reader.follow({ changed: () => undefined, forget: () => undefined, gap: () => undefined });
  await redis.pass(0);
});
afterEach(async () => {
  await reader.close();
  vi.useRealTimers();
});

describe('the age of the last heartbeat', () => {
  it('is what Redis’s own clock says, however far the clocks of machines are apart', async () => {
    await redis.beat();
    await redis.pass(700);
    expect(reader.ageMs()).toBe(700);
    for (const skewMs of [-86_400_000, 86_400_000]) {
      vi.setSystemTime(Date.now() + skewMs);
      await redis.beat();
      await redis.pass(100);
      expect(reader.ageMs()).toBe(100);
    }
  });

  it('counts from when Redis took it, not from when it came', async () => {
    await redis.beat();
    await redis.pass(500);
    redis.hold();
    await redis.beat();
    await redis.pass(4_000);
    redis.deliver();
    await redis.pass(0);
    expect(reader.ageMs()).toBe(4_000);
    await redis.beat();
    await redis.pass(10);
    expect(reader.ageMs()).toBe(10);
  });

  it('is that of the newest of a batch', async () => {
    redis.hold();
    await redis.beat();
    await redis.pass(1_000);
    await redis.beat();
    await redis.pass(300);
    redis.deliver();
    await redis.pass(0);
    expect(reader.ageMs()).toBe(300);
  });

  it('is not believed in the moment in which Redis’s clock was set back, and again with the next one', async () => {
    await redis.beat();
    await redis.pass(0);
    const id = redis.clockMs;
    redis.hold();
    await redis.beat();
    await redis.pass(5_000);
    redis.clockMs -= 4_900;
    redis.deliver();
    await redis.pass(0);
    expect(reader.ageMs()).toBe(5_000);
    // The ids of entries stay where the clock was.
    redis.clockMs -= 3_600_000;
    await redis.beat({ id: id + 5_000 });
    await redis.pass(10);
    await redis.beat({ id: id + 5_000 });
    await redis.pass(10);
    expect(reader.ageMs()).toBe(10);
  });

  it('of the release before is that of its id, and what has no age renews nothing', async () => {
    await redis.beat({ t: '' });
    await redis.pass(50);
    expect(reader.ageMs()).toBe(50);
    await redis.beat({ t: 'soon' });
    await redis.beat({ t: String(redis.clockMs + 10_000) });
    await redis.pass(50);
    expect(reader.ageMs()).toBe(100);
  });
});

describe('imported keys', () => {
  it('may exist until a heartbeat says that there are none, and one that does not say it changes nothing', async () => {
    await redis.beat();
    await redis.pass(0);
    expect(reader.mayHaveImportedKeys()).toBe(true);
    for (const [said, expected] of [
      ['0', false],
      ['', false],
      ['1', true],
      ['', true],
      ['0', false],
      ['2', true],
    ] as const) {
      await redis.beat({ more: ['i', said] });
      await redis.pass(0);
      expect(reader.mayHaveImportedKeys()).toBe(expected);
    }
  });
});
