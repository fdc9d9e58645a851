import { describe, expect, it } from 'vitest';
import { MemoryKeySnapshots } from './memory.js';

describe('key snapshots in memory', () => {
  it('are as old as it is uncertain whether another process changes keys', () => {
    expect(new MemoryKeySnapshots().ageMs()).toBe(0);
    let uncertainMs = 0;
    const snapshots = new MemoryKeySnapshots(() => uncertainMs);
    expect(snapshots.ageMs()).toBe(0);
    uncertainMs = 3_001;
    expect(snapshots.ageMs()).toBe(3_001);
  });
});
