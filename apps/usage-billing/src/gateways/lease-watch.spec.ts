import { describe, expect, it } from 'vitest';
import { LeaseWatch } from './lease-watch.js';

const lease = (value: string) => new Map([['a', value]]);

describe('LeaseWatch', () => {
  it('an instance whose lease stands still for the whole time is gone', () => {
    const watch = new LeaseWatch(3_000);
    for (const now of [0, 1_000, 2_000, 2_999]) expect(watch.judge(['a'], lease('1'), now).gone).toEqual([]);
    expect(watch.judge(['a'], lease('1'), 3_000).gone).toEqual(['a']);
  });

  it('a renewal starts the count anew', () => {
    const watch = new LeaseWatch(3_000);
    watch.judge(['a'], lease('1'), 0);
    expect(watch.judge(['a'], lease('2'), 2_000)).toEqual({ gone: [], renewed: ['a'] });
    expect(watch.judge(['a'], lease('2'), 4_000).gone).toEqual([]);
    expect(watch.judge(['a'], lease('2'), 5_000).gone).toEqual(['a']);
  });

  it('an instance that never had a lease is gone after the same time', () => {
    const watch = new LeaseWatch(3_000);
    for (const now of [0, 1_500]) watch.judge(['a'], new Map(), now);
    expect(watch.judge(['a'], new Map(), 3_000).gone).toEqual(['a']);
  });

  it('a store that loses the leases gives everybody the time to renew', () => {
    const watch = new LeaseWatch(3_000);
    watch.judge(['a'], lease('1'), 0);
    expect(watch.judge(['a'], new Map(), 2_900)).toEqual({ gone: [], renewed: [] });
    expect(watch.judge(['a'], new Map(), 3_100).gone).toEqual([]);
    expect(watch.judge(['a'], lease('1'), 5_000)).toEqual({ gone: [], renewed: ['a'] });
  });

  it('time in which leases could not be read does not count', () => {
    const watch = new LeaseWatch(3_000);
    watch.judge(['a'], lease('1'), 0);
    watch.judge(['a'], null, 1_000);
    expect(watch.judge(['a'], lease('1'), 3_500).gone).toEqual([]);
    expect(watch.judge(['a'], lease('1'), 6_500).gone).toEqual(['a']);
  });

  it('time in which nobody looked does not count', () => {
    const watch = new LeaseWatch(3_000);
    watch.judge(['a'], lease('1'), 0);
    expect(watch.judge(['a'], lease('1'), 60_000).gone).toEqual([]);
    expect(watch.judge(['a'], lease('1'), 63_000).gone).toEqual(['a']);
  });
});
