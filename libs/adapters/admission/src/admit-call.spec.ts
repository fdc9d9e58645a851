import type { AdmissionDecision, ReserveItem } from '@tollgate/credit';
import { describe, expect, it } from 'vitest';
import { decideReserves } from './admit-call.js';

const item = {
  accounts: [{ accountId: 'key:k', capNanoUsd: 1n }],
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
} as unknown as ReserveItem;

function decisions(reply: number[], reserves: number): { decided: AdmissionDecision[]; error: unknown } {
  const decided: AdmissionDecision[] = [];
  try {
    decideReserves(
      Array.from({ length: reserves }, () => ({
        item,
        decide: (decision: AdmissionDecision) => decided.push(decision),
      })),
      JSON.stringify(reply),
    );
    return { decided, error: null };
  } catch (error) {
    return { decided, error };
  }
}

describe('the reply of the admission script', () => {
  it('decides each request of the call', () => {
    const { decided } = decisions([0, 0, 0, 4, 0, 0, 5, 0, 0, 10, 7, 0], 4);
    expect(decided).toEqual([
      { kind: 'admitted', rate: { requests: null, tokens: null } },
      { kind: 'unavailable', why: 'no_epoch' },
      { kind: 'unavailable', why: 'announcing' },
      { kind: 'credit_exhausted', accountId: 'key:k', availableNanoUsd: 7n },
    ]);
  });
  // After an error the holds of the whole batch are released: a request admitted before it would go on without a hold.
  it.each([
    ['an outcome that no release gives', [0, 0, 0, 2, 0, 0], 2],
    ['an account that the request does not have', [0, 0, 0, 11, 0, 0], 2],
    ['fewer requests', [0, 0, 0], 2],
    ['more requests', [0, 0, 0, 0, 0, 0], 1],
    ['half an answer', [0, 0, 0, 0], 2],
    ['no numbers', [], 1],
  ])('decides none where it has %s', (_what, reply, reserves) => {
    const { decided, error } = decisions(reply, reserves);
    expect(decided).toEqual([]);
    expect(error).toBeInstanceOf(Error);
  });
});
