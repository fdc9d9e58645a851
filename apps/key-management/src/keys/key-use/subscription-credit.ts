import type { KeySubscriptionCycle } from '@tollgate/contracts';
import type { AccountBalance } from '@tollgate/credit';

/** What may be spent of something in the present cycle, and what is. In nano-USD. */
interface CreditOfCycle {
  readonly limitNanoUsd: bigint;
  readonly balance: AccountBalance;
}

/** What the key of a subscription can spend in its present cycle: nothing once it has ended. */
export function creditOfSubscription(cycle: KeySubscriptionCycle): {
  readonly quota: CreditOfCycle;
  /** Its limit is 0 where pay-as-you-go is not switched on. */
  readonly payg: CreditOfCycle;
} {
  const isUsable = cycle.status !== 'ended';
  return {
    quota: {
      limitNanoUsd: isUsable ? BigInt(cycle.quotaNanoUsd) : 0n,
      balance: balanceOf(cycle.quotaUsedNanoUsd, cycle.quotaHeldNanoUsd),
    },
    payg: {
      limitNanoUsd: isUsable ? BigInt(cycle.paygCapNanoUsd ?? 0) : 0n,
      balance: balanceOf(cycle.paygUsedNanoUsd, cycle.paygHeldNanoUsd),
    },
  };
}

/** Releases before this one do not tell what calls in flight hold. */
const balanceOf = (used: string, held = '0'): AccountBalance => ({
  postedNanoUsd: BigInt(used),
  heldNanoUsd: BigInt(held),
});
