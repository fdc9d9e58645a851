import type { AdmissionDecision, ReserveItem } from '@tollgate/credit';
import { describe, expect, it } from 'vitest';
import { AdmitCalls, decideReserves } from './admit-call.js';

const item = {
  accounts: [{ accountId: 'key:k', capNanoUsd: 1n }],
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
} as unknown as ReserveItem;

function decisions(reply: (number | string)[], reserves: number): { decided: AdmissionDecision[]; error: unknown } {
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
    ['a text instead of a number', ['0', 0, 0, 0, 0, 0], 2],
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
  const PARTS = 8;

  it('has nothing more where no account has a cycle or a generation', () => {
    expect(write(plain, [], [{ ...plain[0]!, generation: 0 }])).toHaveLength(PARTS);
  });

  it('names what must hold of each account with a cycle or a generation, by the place of its key', () => {
    const cycle = { startMs: 5, endMs: 9 };
    const daily = { accountId: 'key:k:daily:2026-11-29', capNanoUsd: 1n, generation: 3, cycle };
    const organization = { accountId: 'organization:o', capNanoUsd: 1n, generation: 2 };
    const call = write(plain, [daily, plain[0]!, organization]);
    expect(call).toHaveLength(PARTS + 1);
    const place = (call[PARTS - 2] as unknown[]).indexOf('r:k1') + 1;
    const loads = [...[3, 5, 'l:key:k:daily:2026-11-29', 'g:key:k'], ...[2, 0, 'l:organization:o', '']];
    expect(call[PARTS]).toEqual([loads, [...[place, 5, 9, 2], ...[1, 1], ...[3, 2]]]);
  });

  it('names accounts that keys have in common once, and each key by its own name', () => {
    const others = ['organization:o', 'group:g'].map((accountId) => ({ accountId, capNanoUsd: 9n }));
    const keys = ['key:a', 'key:b'].map((accountId) => [{ accountId, capNanoUsd: 1n }, ...others]);
    const call = write(...keys);
    const shared = ['a:organization:o,a:group:g', 'a:organization:o', 'a:group:g'];
    expect(call[PARTS - 1]).toEqual(shared.flatMap((text, at) => [at + 1, text]));
    const [one, other] = ['key:a', 'key:b'].map((own) => [3, 1, `a:${own}`, 1, 2, 9, 3, 9]);
    const written = call[PARTS - 2] as unknown[];
    const width = written.length / 2;
    expect([written.slice(5, width), written.slice(width + 5)]).toEqual([one, other]);
  });

  it('names what a key has besides accounts that take the whole amount, and raised caps', () => {
    const raise = { capNanoUsd: 7n, untilMs: 99 };
    const calls = new AdmitCalls();
    const reserve = (more: Partial<ReserveItem>): unknown[] =>
      JSON.parse(
        calls.write('s', [], [
          {
            item: { ...item, requestId: 'r', apiKeyId: 'k', instanceId: 'i', journalId: 'j', ...more },
            decide: () => undefined,
          },
        ] as unknown as Parameters<AdmitCalls['write']>[2]),
      ) as unknown[];
    const either = [
      { accountId: 'subscription:s', capNanoUsd: 2n },
      { accountId: 'payg:s', capNanoUsd: 3n },
    ];
    const grants = [{ accountId: 'grant:g', capNanoUsd: 4n, endMs: 88 }];
    const call = reserve({ accounts: [{ ...plain[0]!, raise }], either, grants });
    expect(call).toHaveLength(PARTS + 2);
    expect(call[PARTS]).toBe(0);
    expect(call[PARTS + 1]).toEqual([[1, 1, 2, 1, 99, 0, 0, 88, 7, 2, 3, 0]]);
    expect(call[PARTS - 1]).toContain('a:grant:g');
    expect(reserve({})).toHaveLength(PARTS);
  });

  it('says what was held besides, where the request left that open', () => {
    const decided: AdmissionDecision[] = [];
    const open = { ...item, either: [{ accountId: 'payg:s,1', capNanoUsd: 3n }], grants: [] } as unknown as ReserveItem;
    const decide = (decision: AdmissionDecision): unknown => decided.push(decision);
    decideReserves(
      [open, item, open].map((each) => ({ item: each, decide })),
      JSON.stringify([0, 0, 0, 0, 0, 0, 12, 5, 0, 'a:payg:s%2C1|3:a:grant:g,4:a:grant:h,', '|']),
    );
    const rate = { requests: null, tokens: null };
    expect(decided).toEqual([
      {
        kind: 'admitted',
        rate,
        either: 'payg:s,1',
        parts: [
          { accountId: 'grant:g', amountNanoUsd: 3n },
          { accountId: 'grant:h', amountNanoUsd: 4n },
        ],
      },
      { kind: 'admitted', rate },
      { kind: 'credit_exhausted', accountId: 'grants', availableNanoUsd: 5n },
    ]);
  });
});
