import { createMetricsRegistry } from '@tollgate/telemetry';
import { describe, expect, it } from 'vitest';
import { registerBillingGauges, type BillingSources } from './metrics.js';

const METRIC = 'tollgate_usage_billing_oldest_unbooked_seconds';

/** The line of the metric where the oldest event that is not booked was published then. */
async function told(oldestUnbooked: BillingSources['oldestUnbooked']): Promise<string | undefined> {
  const registry = createMetricsRegistry('billing', { processMetrics: false });
  registerBillingGauges(registry, {
    consumerLag: async () => 0,
    oldestUnbooked,
    settlesWaiting: () => 0,
    months: async () => ({ monthsAhead: 3, eventsWithoutMonth: 0 }),
  });
  return (await registry.metrics()).split('\n').find((line) => line.startsWith(METRIC));
}

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
