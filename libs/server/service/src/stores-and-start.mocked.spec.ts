import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { showStores } from './show-stores.js';
import { StartProgress } from './start-progress.js';

const others = () => ({ redis: false, kafka: true });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the readiness of a service', () => {
  it.each([
    ['answers', () => Promise.resolve([]), true],
    ['refuses', () => Promise.reject(new Error('no')), false],
    ['does not answer', () => new Promise(() => undefined), false],
  ])('is not decided by stores that all its processes share: a database that %s', async (_, query, postgres) => {
    let shown: unknown;
    void showStores({ query }, others)().then((readiness) => (shown = readiness));
    // Before a probe gives up.
    await vi.advanceTimersByTimeAsync(900);
    expect(shown).toEqual({ ready: true, checks: { postgres, redis: false, kafka: true } });
  });
});

describe('a start that waits', () => {
  it('says for what, at once to those who ask, and again and again to those who read the log', async () => {
    const lines: string[] = [];
    const progress = new StartProgress((line) => lines.push(line));
    expect(progress.waitingFor).toBeNull();
    let opened: (value: string) => void = () => undefined;
    const part = progress.waitFor('PostgreSQL', new Promise<string>((resolve) => (opened = resolve)));
    const other = progress.waitFor('the bus', Promise.reject(new Error('away')));
    expect(progress.waitingFor).toBe('PostgreSQL and the bus');
    await expect(other).rejects.toThrow('away');
    expect(progress.waitingFor).toBe('PostgreSQL');
    await vi.advanceTimersByTimeAsync(11_000);
    const line = 'starting: still waiting for PostgreSQL';
    expect(lines).toEqual([line, line]);
    opened('open');
    expect(await part).toBe('open');
    expect(progress.waitingFor).toBeNull();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(lines).toHaveLength(2);
  });
});
