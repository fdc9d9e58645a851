import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RequestIds, sortedIds } from './request-ids.js';

describe('request ids', () => {
  it('come back as they were, sorted, over several blocks', () => {
    const log = new RequestIds();
    const ids = Array.from({ length: 70_000 }, () => randomUUID());
    for (const id of ids) log.add(id);
    expect(log.count).toBe(ids.length);
    expect(sortedIds(log.bytes())).toEqual(ids.sort());
    expect(sortedIds(new RequestIds().bytes())).toEqual([]);
  });
  it('are UUIDs', () => {
    expect(() => new RequestIds().add('1')).toThrow(RangeError);
  });
});
