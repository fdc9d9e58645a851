import { createMetricsRegistry } from '@tollgate/telemetry';
import { describe, expect, it } from 'vitest';
import { registerBillingGauges, type BillingSources } from './metrics.js';

/** The lines of a metric, with some sources replaced. */
async function linesOf(metric: string, sources: Partial<BillingSources>): Promise<readonly string[]> {
  const registry = createMetricsRegistry('billing', { processMetrics: false });
  registerBillingGauges(registry, {
    consumerLag: async () => 0,
    oldestUnbooked: async () => ({ publishedMs: null }),
    retentionUsed: async () => [],
    settlesWaiting: () => 0,
    months: async () => ({ monthsAhead: 3, eventsWithoutMonth: 0 }),
    ...sources,
  });
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith(metric));
}

/** The line of the metric where the oldest event that is not booked was published then. */
const told = async (oldestUnbooked: BillingSources['oldestUnbooked']): Promise<string | undefined> =>
  (await linesOf('tollgate_usage_billing_oldest_unbooked_seconds', { oldestUnbooked }))[0];

describe('the age of the oldest unbooked event', () => {
  it('is 0 where all are booked', async () => {
    expect(await told(async () => ({ publishedMs: null }))).toMatch(/ 0$/);
  });
  it('is in seconds', async () => {
    const age = Number((await told(async () => ({ publishedMs: Date.now() - 90_000 })))?.split(' ').at(-1));
    expect(age).toBeGreaterThanOrEqual(90);
    expect(age).toBeLessThan(150);
  });
  it('has no value while the bus cannot be asked', async () => {
    expect(await told(() => Promise.reject(new Error('away')))).toBeUndefined();
  });
});

describe('how near events that are not booked are to their removal', () => {
  const METRIC = 'tollgate_usage_billing_retention_used_ratio';
  it('is said for each limit, of the topic that is nearest', async () => {
    const used = [
      { bytes: 0.25, time: 0.5 },
      { bytes: 0.75, time: 0.125 },
    ];
    const lines = await linesOf(METRIC, { retentionUsed: async () => used });
    expect(lines.map((line) => line.replace(/,?service="\w+"/, ''))).toEqual([
      `${METRIC}{limit="bytes"} 0.75`,
      `${METRIC}{limit="time"} 0.5`,
    ]);
  });
  it('is not said of a limit that there is not, nor while the bus cannot be asked', async () => {
    const lines = await linesOf(METRIC, { retentionUsed: async () => [{ bytes: null, time: 0 }] });
    expect(lines).toEqual([expect.stringContaining('limit="time"')]);
    expect(await linesOf(METRIC, { retentionUsed: () => Promise.reject(new Error('away')) })).toEqual([]);
  });
});
