import { createLogger } from '@tollgate/telemetry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat } from './heartbeat.js';

const nothingWaits = { oldestSnapshotMs: () => Promise.resolve(0) };
const imported = { facts: () => ({ importedKeys: false }) };
const logger = createLogger({ service: 'test', level: 'silent' });

describe('the heartbeat', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('beats at once and then each second, through failures, until it is stopped', async () => {
    let beats = 0;
    const heartbeat = new Heartbeat(
      { heartbeat: () => (++beats % 2 === 0 ? Promise.reject(new Error('down')) : Promise.resolve()) },
      nothingWaits,
      imported,
      logger,
    );
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(beats).toBe(5);
    await heartbeat.stop();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(beats).toBe(5);
  });

  it('does not pile up in front of a store that hangs', async () => {
    let asked = 0;
    const heartbeat = new Heartbeat(
      { heartbeat: () => (asked++, new Promise<void>(() => undefined)) },
      nothingWaits,
      imported,
      logger,
    );
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toBe(1);
    void heartbeat.stop();
  });

  it('is silent while a committed change waits, and goes on when it is told or when nobody can say', async () => {
    let beats = 0;
    let waited = (): Promise<number> => Promise.resolve(1_001);
    const heartbeat = new Heartbeat(
      { heartbeat: () => (beats++, Promise.resolve()) },
      { oldestSnapshotMs: () => waited() },
      imported,
      logger,
    );
    heartbeat.start();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(beats).toBe(0);
    for (const answer of [() => Promise.resolve(1_000), () => Promise.reject(new Error('down')), never]) {
      waited = answer;
      const before = beats;
      await vi.advanceTimersByTimeAsync(2_000);
      expect(beats).toBeGreaterThan(before);
    }
    const stopped = heartbeat.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    await stopped;
  });
});

const never = (): Promise<number> => new Promise(() => undefined);
