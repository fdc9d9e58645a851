import { describe, expect, it } from 'vitest';
import { readUsageRecord } from './read-usage-record.js';

const read = (value: string) => readUsageRecord({ offset: 1n, part: 0, key: 'org', value });

describe('readUsageRecord', () => {
  it('what is not JSON is poison', () => {
    expect(read('{"eventVersion":')).toMatchObject({ kind: 'poison', reason: 'not JSON' });
  });
  it('names the fields that are not as the event has them, never their values', () => {
    const record = read(JSON.stringify({ eventVersion: 1, requestId: 'not-a-uuid-42', surprise: 'extra-42' }));
    expect(record.kind).toBe('poison');
    const reason = record.kind === 'poison' ? record.reason : '';
    expect(reason).toContain('requestId');
    expect(reason).not.toContain('42');
  });
});
