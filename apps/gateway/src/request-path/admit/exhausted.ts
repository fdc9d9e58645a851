import { creditRefusal } from '@tollgate/access';
import { formatUsd, type AdmissionDecision, type ReserveItem } from '@tollgate/credit';
import { isoTime } from '../iso-time.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

type Exhausted = Extract<AdmissionDecision, { kind: 'credit_exhausted' }>;
/**
 * Refuses a request whose cost may be more than is left of one of its accounts. The message says which limit it is,
 * what is left of it, the most that the request can cost, and when the limit begins anew.
 */
export function exhausted(
  { amountNanoUsd, accounts, either = [] }: ReserveItem,
  { accountId, availableNanoUsd }: Exhausted,
): Refusal {
  const { code, name } = creditRefusal(accountId);
  const cycle = [...accounts, ...either].find((account) => account.accountId === accountId)?.cycle;
  const resets = cycle === undefined ? '' : ` The limit resets at ${isoTime(cycle.endMs).replace('.000Z', 'Z')}.`;
  return refuse(code, {
    message: `The ${name} has ${formatUsd(availableNanoUsd)} USD left, and this request can cost ${formatUsd(amountNanoUsd)} USD at most.${resets}`,
  });
}
