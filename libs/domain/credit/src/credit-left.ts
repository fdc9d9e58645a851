import type { CreditItems } from './credit-items.js';
import { capAt } from './find-credit.js';
import type { AccountBalance } from './organization-state.js';
import { remainingOf } from './remaining.js';

const UNUSED: AccountBalance = { postedNanoUsd: 0n, heldNanoUsd: 0n };

/**
 * The most that a request could cost at `nowMs` (milliseconds since 1970), in nano-USD, by the rule of `reserve`: what
 * the account has left that has least, where all prepaid credit is one. Null if nothing limits it. An account that
 * `balances` does not name is unused. `accounts` must be of that moment.
 */
export function creditLeft(
  { accounts, grants }: Pick<CreditItems, 'accounts' | 'grants'>,
  balances: ReadonlyMap<string, AccountBalance>,
  nowMs: number,
): bigint | null {
  const leftOf = (accountId: string, capNanoUsd: bigint): bigint =>
    remainingOf(capNanoUsd, balances.get(accountId) ?? UNUSED);
  const all = accounts.map((account) => leftOf(account.accountId, capAt(account, nowMs)));
  if (grants !== undefined) {
    const open = grants.filter(({ endMs }) => endMs === null || nowMs < endMs);
    all.push(open.reduce((sum, { accountId, capNanoUsd }) => sum + leftOf(accountId, capNanoUsd), 0n));
  }
  return all.reduce<bigint | null>((least, left) => (least === null || left < least ? left : least), null);
}
