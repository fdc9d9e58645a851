import { readFileSync } from 'node:fs';
import { USAGE_RECORDED_V1_FIELDS, type UsageRecordedV1, type UsageRecordedV2 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { columnName } from './column-name.js';
import { differences, type BookedRow } from './conflicts.js';

const second = JSON.parse(
  readFileSync(
    new URL('../../../../../libs/domain/contracts/src/events/golden/usage-recorded.v2.json', import.meta.url),
    'utf8',
  ),
) as UsageRecordedV2;
const first = {
  ...Object.fromEntries(Object.entries(second).filter(([name]) => name in USAGE_RECORDED_V1_FIELDS)),
  eventVersion: 1,
} as UsageRecordedV1;

/** The row that an event is booked as, as the driver gives it. */
function rowOf(event: UsageRecordedV1 | UsageRecordedV2, told: string | null = event.chargeNanoUsd): BookedRow {
  const columns = Object.entries(event).map(([name, value]) => [
    columnName(name),
    typeof value === 'number' ? String(value) : name.endsWith('At') ? new Date(value as string) : (value as unknown),
  ]);
  return { text_input_tokens: null, ...Object.fromEntries(columns), told_charge_nano_usd: told } as BookedRow;
}

describe('an event that comes again says nothing else', () => {
  it.each([first, second])('in its own version', (event) => {
    expect(differences(rowOf(event), { ...event })).toEqual([]);
  });
  it('where less was charged than it says', () => {
    expect(differences({ ...rowOf(second), charge_nano_usd: '1' }, second)).toEqual([]);
  });
  it('where the release before booked it, and did not keep what it said', () => {
    expect(differences(rowOf(first, null), { ...first, chargeNanoUsd: '1' })).toEqual([]);
  });
  it('under another number of a journal', () => {
    expect(differences(rowOf(second), { ...second, journalNumber: 99, journalId: 'another' })).toEqual([]);
  });
  const withoutSecret = { ...first, secretId: undefined };
  it.each<[string, UsageRecordedV1 | UsageRecordedV2, UsageRecordedV1 | UsageRecordedV2]>([
    ['the second', first, second],
    ['the first', second, first],
    ['the second, and names the secret', withoutSecret, second],
    ['the first, which does not name the secret', second, withoutSecret],
    ['the second, with the parts of the hold', first, { ...second, accounts: second.accounts.map((each) => ({ ...each, heldNanoUsd: '1' })) }], // prettier-ignore
  ])('in the other version, which knows more or less: %s', (_what, booked, event) => {
    expect(differences(rowOf(booked), event)).toEqual([]);
  });
  it('from an address that was erased', () => {
    expect(differences(rowOf({ ...second, clientAddress: '' }), second)).toEqual([]);
  });
  it('where either was made for an orphan', () => {
    const orphan = { ...second, outcome: 'orphaned' as const, chargeNanoUsd: '0', endedAt: '2026-11-21T09:00:00.000Z' };
    expect(differences(rowOf(orphan), second)).toEqual([]);
    expect(differences(rowOf(second), orphan)).toEqual([]);
    // A final of another key is none of that call.
    expect(differences(rowOf(orphan), { ...second, apiKeyId: 'another' })).toMatchObject([{ field: 'apiKeyId' }]);
  });
  it('where words were made plain that the database had refused', () => {
    expect(differences(rowOf({ ...second, model: '??-7' }), { ...second, model: '模型-7' })).toEqual([]);
  });
});

describe('another content of a request', () => {
  it.each<[keyof UsageRecordedV2, unknown]>([
    ['chargeNanoUsd', '7'],
    ['costNanoUsd', '7'],
    ['apiKeyId', 'another'],
    ['outcome', 'client_left'],
    ['inputTokens', 7],
    ['endedAt', '2026-11-21T09:00:00.000Z'],
    ['accounts', []],
    ['priceLines', []],
    ['tierServed', 'another'],
  ])('names %s, and both', (name, value) => {
    const shown = typeof value === 'number' ? [String(second[name] as number), String(value)] : [second[name], value];
    expect(differences(rowOf(second), { ...second, [name]: value })).toEqual([
      { field: name, first: shown[0], second: shown[1] },
    ]);
  });
  it.each<[keyof UsageRecordedV1, unknown]>([
    ['chargeNanoUsd', '7'],
    ['costNanoUsd', '7'],
    ['holdNanoUsd', null],
    ['apiKeyId', 'another'],
    ['outcome', 'client_left'],
    ['outputTokens', 7],
    ['startedAt', '2026-11-21T07:00:00.000Z'],
    ['secretId', 'another'],
    ['accounts', second.accounts.slice(0, 1)],
    ['accounts', second.accounts.map((account) => ({ ...account, capNanoUsd: '7' }))],
  ])('is seen in the other version, too, whichever came first: %s', (name, value) => {
    for (const [booked, event] of [
      [first, second],
      [second, first],
    ] as const)
      expect(differences(rowOf(booked), { ...event, [name]: value })).toMatchObject([{ field: name }]);
  });
  it('is seen in the facts that version 2 added', () => {
    const facts = Object.entries(rowOf(second)).map(([column, value]) => [`fact_${column}`, value]);
    const booked = { ...rowOf(first), ...Object.fromEntries(facts) } as BookedRow;
    expect(differences(booked, second)).toEqual([]);
    expect(differences(booked, { ...second, tierServed: 'another', costNanoUsd: '7' })).toMatchObject([
      { field: 'costNanoUsd' },
      { field: 'tierServed' },
    ]);
  });
});
