import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readUsageRecord } from './read-usage-record.js';

const read = (value: string) => readUsageRecord({ offset: 1n, part: 0, key: 'org', value });

const goldenOf = (version: string) =>
  JSON.parse(
    readFileSync(
      new URL(`../../../../../libs/domain/contracts/src/events/golden/usage-recorded.${version}.json`, import.meta.url),
      'utf8',
    ),
  ) as Record<string, unknown>;

describe.each(['v1', 'v2'])('readUsageRecord, %s', (version) => {
  const golden = goldenOf(version);
  it('an event with fields of a later release is the event without them', () => {
    const accounts = (golden['accounts'] as object[]).map((account) => ({ ...account, addedLater: '2026-11' }));
    expect(read(JSON.stringify({ ...golden, accounts, addedLater: { x: 1 } }))).toMatchObject({
      kind: 'event',
      event: golden,
    });
    expect(read(JSON.stringify(golden))).toMatchObject({ kind: 'event', event: golden });
  });
  it('an event of a kind that is not known, or that lacks a field, is poison and names the field', () => {
    for (const [field, value] of [
      ['outcome', 'paused'],
      ['usageSource', 'guessed'],
      ['eventVersion', 3],
      ['eventVersion', undefined],
      ['accounts', []],
      ['chargeNanoUsd', 10],
      ['journalId', undefined],
    ] as const) {
      expect(read(JSON.stringify({ ...golden, [field]: value }))).toMatchObject({
        kind: 'poison',
        reason: expect.stringMatching(`^${field}`),
      });
    }
  });
  it('what is not JSON is poison', () => {
    expect(read('{"eventVersion":')).toMatchObject({ kind: 'poison', reason: 'not JSON' });
  });
  it('names the fields that are not as the event has them, never their values', () => {
    const record = read(
      JSON.stringify({ eventVersion: golden['eventVersion'], requestId: 'not-a-uuid-42', surprise: 'extra-42' }),
    );
    expect(record.kind).toBe('poison');
    const reason = record.kind === 'poison' ? record.reason : '';
    expect(reason).toContain('requestId');
    expect(reason).not.toContain('42');
  });
});
