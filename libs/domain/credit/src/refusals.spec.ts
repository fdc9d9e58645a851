import { expect, it } from 'vitest';
import { dropEndedCycles } from './drop-ended-cycles.js';
import type { AdmissionDecision, ReserveItem } from './items.js';
import { emptyOrganization } from './organization-state.js';
import { forgetTold, noteRefusals, refusalMarks } from './refusals.js';

const NOW = Date.UTC(2026, 10, 29);
const DAILY = 'key:k:daily:2026-11-29';

function marksOf(parts: Partial<ReserveItem>, accountId: string, nowMs = NOW) {
  const item = { accounts: [], amountNanoUsd: 50n, ...parts } as unknown as ReserveItem;
  const decision: AdmissionDecision = { kind: 'credit_exhausted', accountId, availableNanoUsd: 3n };
  return refusalMarks(item, decision as AdmissionDecision & { kind: 'credit_exhausted' }, nowMs);
}
const told = { askedNanoUsd: 50n, leftNanoUsd: 3n };

it('marks the account that refused, with its cap, which a raise makes higher for a time', () => {
  const raise = { capNanoUsd: 20n, untilMs: NOW + 1 };
  const accounts = [
    { accountId: 'organization:o', capNanoUsd: 99n },
    { accountId: DAILY, capNanoUsd: 10n, raise },
  ];
  expect(marksOf({ accounts }, DAILY)).toEqual([{ accountId: DAILY, terms: '20', capNanoUsd: 20n, ...told }]);
  expect(marksOf({ accounts }, DAILY, NOW + 1)).toEqual([{ accountId: DAILY, terms: '10', capNanoUsd: 10n, ...told }]);
});

it('marks quota and pay-as-you-go, of which neither took the call', () => {
  const either = [
    { accountId: 'subscription:s', capNanoUsd: 5n },
    { accountId: 'payg:s', capNanoUsd: 6n },
  ];
  expect(marksOf({ either }, 'payg:s')).toMatchObject([
    { accountId: 'subscription:s', terms: '5', leftNanoUsd: null },
    { accountId: 'payg:s', terms: '6', leftNanoUsd: 3n },
  ]);
});

it('marks the prepaid credit as a whole, under the grants that have not expired', () => {
  const grants = [
    { accountId: 'grant:a', capNanoUsd: 5n, endMs: NOW },
    { accountId: 'grant:b', capNanoUsd: 5n, endMs: NOW + 1 },
    { accountId: 'grant:c', capNanoUsd: 5n, endMs: null },
  ];
  const mark = { accountId: 'grants', terms: 'grant:b+grant:c', capNanoUsd: null, ...told };
  expect(marksOf({ grants }, 'grant:a')).toEqual([mark]);
  expect(marksOf({ grants: [] }, 'grants')).toEqual([{ ...mark, terms: '' }]);
});

it('is noted once for the terms of an account, and again for others', () => {
  const state = emptyOrganization();
  const mark = { accountId: 'key:k', terms: '10', capNanoUsd: 10n, ...told };
  noteRefusals(state, [mark], NOW);
  noteRefusals(state, [{ ...mark, askedNanoUsd: 1n }], NOW + 1);
  expect(state.untold).toEqual([{ ...mark, refusedAtMs: NOW }]);
  noteRefusals(state, [{ ...mark, terms: '20' }], NOW + 2);
  forgetTold(state, 1);
  expect(state.untold).toMatchObject([{ terms: '20', refusedAtMs: NOW + 2 }]);
  forgetTold(state, 1);
  noteRefusals(state, [{ ...mark, terms: '20' }], NOW + 3);
  expect(state.untold).toEqual([]);
});

it('leaves with its cycle', () => {
  const state = emptyOrganization();
  noteRefusals(state, [{ accountId: DAILY, terms: '10', capNanoUsd: 10n, ...told }], NOW);
  expect(dropEndedCycles(state, NOW)).toBe(0);
  expect(dropEndedCycles(state, NOW + 10 * 86_400_000)).toBe(1);
  expect(state.refusals.size).toBe(0);
});
