import { createLogger } from '@tollgate/telemetry';
import type { ServiceDatabase } from '@tollgate/postgres';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WatchLimits } from './watch-limits.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('looks at limits again a second after a look that failed, as one of them may end now', async () => {
  const acrossOrganizations = vi.fn(() => Promise.reject(new Error('the database is away')));
  const relay = { does: () => undefined, wake: () => undefined };
  const logger = createLogger({ service: 'test', level: 'silent' });
  const watch = new WatchLimits({ acrossOrganizations } as unknown as ServiceDatabase, relay, logger);
  watch.onApplicationBootstrap();
  watch.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(acrossOrganizations).toHaveBeenCalledTimes(1);
  for (const looks of [2, 3]) {
    await vi.advanceTimersByTimeAsync(1_000);
    expect(acrossOrganizations).toHaveBeenCalledTimes(looks);
  }
  await watch.onApplicationShutdown();
});
