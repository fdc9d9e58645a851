import { readUsd } from '@tollgate/credit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ledgerAccountObject } from './ledger-accounts.reply.js';

const amount = fc.bigInt(0n, 9_000_000_000_000_000n);

describe('an account of the ledger as the API shows it', () => {
  // After a late final of a gateway that counted as gone, more may be charged and held than the cap.
  it('has what its cap leaves, and never less than nothing', () => {
    fc.assert(
      fc.property(amount, amount, amount, amount, (capNanoUsd, postedNanoUsd, heldNanoUsd, lapsedNanoUsd) => {
        const { remaining_usd: remaining } = ledgerAccountObject({
          accountId: 'grant:g',
          kind: 'grant',
          ownerId: 'g',
          reset: 'never',
          cycleStartsAt: null,
          cycleEndsAt: null,
          capNanoUsd,
          postedNanoUsd,
          heldNanoUsd,
          lapsedNanoUsd,
        });
        const left = capNanoUsd - postedNanoUsd - heldNanoUsd - lapsedNanoUsd;
        expect(readUsd(remaining!)).toBe(left > 0n ? left : 0n);
      }),
    );
  });
});
