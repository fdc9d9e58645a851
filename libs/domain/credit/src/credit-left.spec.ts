import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { creditLeft } from './credit-left.js';
import { findCredit } from './find-credit.js';
import type { ReserveItem } from './items.js';
import { emptyOrganization } from './organization-state.js';

const NOW = 1_000;
const amount = fc.bigInt(0n, 50n);
const balance = fc.record({ postedNanoUsd: amount, heldNanoUsd: amount });
const account = fc.record({
  capNanoUsd: amount,
  raise: fc.option(fc.record({ capNanoUsd: amount, untilMs: fc.integer({ min: NOW - 1, max: NOW + 1 }) }), {
    nil: undefined,
  }),
  balance: fc.option(balance),
});
const grant = fc.record({
  capNanoUsd: amount,
  endMs: fc.option(fc.integer({ min: NOW - 1, max: NOW + 1 })),
  balance: fc.option(balance),
});

describe('what is left of credit', () => {
  it('is the most that a request may cost: it is admitted, and one of a nano-USD more is refused', () => {
    fc.assert(
      fc.property(
        fc.array(account, { maxLength: 3 }),
        fc.option(fc.array(grant, { maxLength: 3 }), { nil: undefined }),
        (accounts, grants) => {
          const named = accounts.map(({ capNanoUsd, raise }, at) => ({
            accountId: `account ${at}`,
            capNanoUsd,
            ...(raise !== undefined && { raise }),
          }));
          const given = grants?.map(({ capNanoUsd, endMs }, at) => ({ accountId: `grant ${at}`, capNanoUsd, endMs }));
          const known = [
            ...accounts.map((each, at) => [`account ${at}`, each.balance] as const),
            ...(grants ?? []).map((each, at) => [`grant ${at}`, each.balance] as const),
          ];
          const balances = new Map(known.flatMap(([id, each]) => (each === null ? [] : [[id, each] as const])));
          const left = creditLeft({ accounts: named, grants: given }, balances, NOW);
          if (left === null) {
            expect([accounts, grants]).toEqual([[], undefined]);
            return;
          }
          const state = {
            ...emptyOrganization(),
            epoch: { epochId: 'e', storeId: 's' },
            accounts: new Map(balances),
          };
          const kindOf = (amountNanoUsd: bigint) =>
            findCredit(state, { ...REQUEST, amountNanoUsd, accounts: named, grants: given }, 's', NOW).kind;
          expect(kindOf(left + 1n)).toBe('credit_exhausted');
          // Nothing at all is not asked for: it is admitted wherever something is left.
          if (left > 0n) expect(kindOf(left)).toBe('found');
        },
      ),
    );
  });
});

const REQUEST: ReserveItem = {
  requestId: 'r',
  organizationId: 'o',
  apiKeyId: 'k',
  instanceId: 'i',
  journalId: 'j',
  amountNanoUsd: 0n,
  accounts: [],
  rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
  tokens: 0,
};
