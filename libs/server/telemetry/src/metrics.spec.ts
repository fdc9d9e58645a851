import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createMetricsRegistry, HotHistogram, registerAskedGauges } from './index.js';

const VALUES = [0.0001, 0.001, 0.0011, 0.5, 1, 7];
const BUCKETS = [0.001, 0.01, 1];

describe('a histogram of the hot path', () => {
  it('prints what prom-client’s own prints', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const hot = new HotHistogram(ours, { name: 'time_seconds', help: 'Time', buckets: BUCKETS });
    const cold = new Histogram({
      name: 'time_seconds',
      help: 'Time',
      buckets: BUCKETS,
      labelNames: ['kind'],
      registers: [theirs],
    });
    for (const kind of ['a', 'b']) {
      const series = hot.series({ kind });
      for (const value of VALUES) {
        series.observe(value);
        cold.observe({ kind }, value);
      }
    }
    const lines = async (registry: Registry) =>
      (await registry.metrics())
        .replace(/\{le="([^"]*)",kind="(.)"\}/g, '{kind="$2",le="$1"}')
        .trim()
        .split('\n')
        .sort();
    expect(await lines(ours)).toEqual(await lines(theirs));
    ours.resetMetrics();
    expect(await ours.metrics()).toContain('time_seconds_count{kind="a"} 0');
  });

  it('cannot have a name twice', () => {
    const registry = new Registry();
    const options = { name: 'twice', help: 'Twice', buckets: BUCKETS };
    new HotHistogram(registry, options);
    expect(() => new HotHistogram(registry, options)).toThrow('already been registered');
  });
});

describe('gauges that someone is asked for', () => {
  it('share one question a scrape, and have no value where it is not answered', async () => {
    const registry = createMetricsRegistry('test', { processMetrics: false });
    let asked = 0;
    let answer: () => Promise<number> = async () => 3;
    registerAskedGauges(registry, () => (asked++, answer()), [
      { name: 'depth', help: 'Depth', samples: (depth) => [{ value: depth }] },
      {
        name: 'depth_by',
        help: 'Depth by kind',
        labelNames: ['kind'],
        samples: (depth) => [
          { labels: { kind: 'a' }, value: depth },
          { labels: { kind: 'b' }, value: 0 },
        ],
      },
    ]);
    const text = await registry.metrics();
    expect(asked).toBe(1);
    expect(text).toContain('depth{service="test"} 3');
    expect(text).toContain('depth_by{kind="a",service="test"} 3');
    answer = () => Promise.reject(new Error('down'));
    const without = await registry.metrics();
    expect(without).not.toMatch(/^depth/m);
    answer = () => new Promise(() => undefined);
    expect(await registry.metrics()).not.toMatch(/^depth/m);
  });
});
