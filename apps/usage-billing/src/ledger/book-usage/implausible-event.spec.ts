import { readFileSync } from 'node:fs';
import type { UsageRecordedV2 } from '@tollgate/contracts';
import { describe, expect, it } from 'vitest';
import { implausible, monthsBefore } from './implausible-event.js';

const golden = JSON.parse(
  readFileSync(
    new URL('../../../../../libs/domain/contracts/src/events/golden/usage-recorded.v2.json', import.meta.url),
    'utf8',
  ),
) as UsageRecordedV2;
const DAY_MS = 86_400_000;
const nowMs = Date.parse(golden.endedAt) + 1_000;
const window = { nowMs, fromMs: monthsBefore(nowMs, 24) };
const at = (ms: number) => new Date(ms).toISOString();
const idOf = (ms: number) => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`;
};

describe('an event that can be true', () => {
  it.each<[string, Partial<UsageRecordedV2>]>([
    ['as it is', {}],
    ['of a gateway whose clock is a day ahead', { endedAt: at(nowMs + DAY_MS) }],
    ['of the first moment of the oldest month', { startedAt: at(window.fromMs), requestId: idOf(window.fromMs) }],
    ['with an id that is no UUIDv7', { requestId: 'ffffffff-ffff-4fff-8fff-ffffffffffff' }],
    ['without lines of its cost', { priceLines: [] }],
    ['with the highest charge', { costNanoUsd: '9000000000000000', chargeNanoUsd: '9000000000000000', priceLines: [] }],
  ])('%s', (_what, fields) => {
    expect(implausible({ ...golden, ...fields }, window)).toBeNull();
  });
});

describe('an event that cannot be true names the field', () => {
  const line = golden.priceLines[0]!;
  it.each<[string, string, Partial<UsageRecordedV2>]>([
    ['that ended more than a day ahead', 'endedAt', { endedAt: at(nowMs + DAY_MS + 1) }],
    ['that began more than a day ahead', 'startedAt', { startedAt: at(nowMs + DAY_MS + 1) }],
    ['whose id is of the year 10889', 'requestId', { requestId: 'ffffffff-ffff-7fff-8fff-ffffffffffff' }],
    ['that began before the oldest month', 'startedAt', { startedAt: at(window.fromMs - 1) }],
    ['of the year 0', 'startedAt', { startedAt: '0000-02-29T00:00:00.000Z' }],
    ['whose id is of before the oldest month', 'requestId', { requestId: idOf(window.fromMs - 1) }],
    ['charged more than an account can hold', 'chargeNanoUsd', { chargeNanoUsd: '9000000000000001' }],
    ['with a line too many', 'priceLines', { priceLines: [...golden.priceLines, { ...line, nanoUsd: '1' }] }],
    ['with a line too large', 'priceLines', { priceLines: [{ ...line, nanoUsd: '9999999999999999999' }] }],
    ['with a cost that its lines do not have', 'priceLines', { costNanoUsd: String(BigInt(golden.costNanoUsd) + 1n) }],
  ])('%s: %s', (_what, field, fields) => {
    expect(implausible({ ...golden, ...fields }, window)?.field).toBe(field);
  });
});

describe('the oldest month', () => {
  it.each([
    ['2026-11-29T13:00:00.000Z', 24, '2024-11-01T00:00:00.000Z'],
    ['2026-01-31T23:59:59.999Z', 1, '2025-12-01T00:00:00.000Z'],
    ['2026-03-31T00:00:00.000Z', 13, '2025-02-01T00:00:00.000Z'],
  ])('at %s, %s months kept: from %s on', (now, months, first) => {
    expect(at(monthsBefore(Date.parse(now), months))).toBe(first);
  });
});
