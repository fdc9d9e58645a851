import type { AdmissionDecision, ReserveItem } from '@tollgate/credit';
import { describe, expect, it } from 'vitest';
import { AdmitCalls, decideReserves } from './admit-call.js';

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
    const { decided } = decisions([0, 0, 0, 4, 0, 0, 5, 0, 0, 10, 7, 0, 6, 1234, 0, 7, 0, 0], 6);
    expect(decided).toEqual([
      { kind: 'admitted', rate: { requests: null, tokens: null } },
      { kind: 'unavailable', why: 'no_epoch' },
      { kind: 'unavailable', why: 'announcing' },
      { kind: 'credit_exhausted', accountId: 'key:k', availableNanoUsd: 7n },
      { kind: 'unavailable', why: 'other_cycle', nowMs: 1234 },
      { kind: 'unavailable', why: 'not_loaded', accountId: 'key:k' },
    ]);
  });
  // After an error the holds of the whole batch are released: a request admitted before it would go on without a hold.
  it.each([
    ['an outcome that no release gives', [0, 0, 0, 2, 0, 0], 2],
    ['an account that the request does not have', [0, 0, 0, 11, 0, 0], 2],
    ['an account to load that the request does not have', [0, 0, 0, 7, 1, 0], 2],
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

describe('the argument of the admission script', () => {
  const write = (...accounts: ReserveItem['accounts'][]): unknown[] =>
    JSON.parse(
      new AdmitCalls().write(
        's',
        [],
        accounts.map((each, at) => ({
          item: { ...item, requestId: `r${at}`, apiKeyId: `k${at}`, instanceId: 'i', journalId: 'j', accounts: each },
          decide: () => undefined,
        })) as unknown as Parameters<AdmitCalls['write']>[2],
      ),
    ) as unknown[];
  const plain = [{ accountId: 'key:k', capNanoUsd: 1n }];
  const PARTS = 7;

  it('has nothing more where no account has a cycle or a generation', () => {
    expect(write(plain, [], [{ ...plain[0]!, generation: 0 }])).toHaveLength(PARTS);
  });

  it('names what must hold of each account with a cycle or a generation, by the place of its key', () => {
    const cycle = { startMs: 5, endMs: 9 };
    const daily = { accountId: 'key:k:daily:2026-11-29', capNanoUsd: 1n, generation: 3, cycle };
    const organization = { accountId: 'organization:o', capNanoUsd: 1n, generation: 2 };
    const call = write(plain, [daily, plain[0]!, organization]);
    expect(call).toHaveLength(PARTS + 1);
    const place = (call[PARTS - 1] as unknown[]).indexOf('r:k1') + 1;
    expect(call[PARTS]).toEqual([
      ...[place, 1, 3, 5, 9, 'l:key:k:daily:2026-11-29', 'g:key:k'],
      ...[place, 3, 2, 0, Number.MAX_SAFE_INTEGER, 'l:organization:o', ''],
    ]);
  });
});
