import type { HeldPart } from './items.js';

/**
 * Shares a charge among the parts of a hold, in their order: each takes what the earlier ones left, at most its own
 * amount. Parts that take nothing are named with 0.
 *
 * @example
 * splitCharge(7n, [{ accountId: 'grant:a', amountNanoUsd: 5n }, { accountId: 'grant:b', amountNanoUsd: 9n }]);
 * // [{ accountId: 'grant:a', amountNanoUsd: 5n }, { accountId: 'grant:b', amountNanoUsd: 2n }]
 */
export function splitCharge(chargeNanoUsd: bigint, parts: readonly HeldPart[]): readonly HeldPart[] {
  let rest = chargeNanoUsd;
  return parts.map(({ accountId, amountNanoUsd: most }) => {
    const amountNanoUsd = rest < most ? rest : most;
    rest -= amountNanoUsd;
    return { accountId, amountNanoUsd };
  });
}
