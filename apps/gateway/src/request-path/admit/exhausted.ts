import { kindOfAccount, limitOf, type AccountKind } from '@tollgate/api-key';
import { formatUsd, type AdmissionDecision, type ReserveItem } from '@tollgate/credit';
import type { ErrorCode } from '@tollgate/errors';
import { isoTime } from '../iso-time.js';
import { refuse, type Refusal } from '../exchange/refusal.js';

type Exhausted = Extract<AdmissionDecision, { kind: 'credit_exhausted' }>;
/** Money is missing, which its owner pays in; or a limit is reached that someone has set. */
type Code = Extract<ErrorCode, 'insufficient_balance' | 'quota_exceeded'>;

/** How a limit is named to a caller, with the id of whom it belongs to where a caller may be under several. */
const LIMITS: Readonly<Record<AccountKind, readonly [code: Code, name: (ownerId: string) => string]>> = {
  key: ['quota_exceeded', () => 'credit limit of the API key'],
  group: ['quota_exceeded', (ownerId) => `budget of the group ${ownerId}`],
  project: ['quota_exceeded', (ownerId) => `budget of the project ${ownerId}`],
  subscription: ['quota_exceeded', () => 'quota of the subscription'],
  payg: ['insufficient_balance', () => 'pay-as-you-go limit of the subscription'],
  organization: ['insufficient_balance', () => 'credit limit of the organization'],
  grant: ['insufficient_balance', () => 'prepaid balance of the organization'],
};

/**
 * Refuses a request whose cost may be more than is left of one of its accounts. The message says which limit it is,
 * what is left of it, the most that the request can cost, and when the limit begins anew.
 */
export function exhausted(
  { amountNanoUsd, accounts, either = [] }: ReserveItem,
  { accountId, availableNanoUsd }: Exhausted,
): Refusal {
  // An organisation that was given no credit at all has no account that could be named.
  const [code, name] = LIMITS[kindOfAccount(accountId) ?? 'grant'];
  const ownerId = limitOf(accountId).replace(/^[^:]*:/, '');
  const cycle = [...accounts, ...either].find((account) => account.accountId === accountId)?.cycle;
  const resets = cycle === undefined ? '' : ` The limit resets at ${isoTime(cycle.endMs).replace('.000Z', 'Z')}.`;
  return refuse(code, {
    message: `The ${name(ownerId)} has ${formatUsd(availableNanoUsd)} USD left, and this request can cost ${formatUsd(amountNanoUsd)} USD at most.${resets}`,
  });
}
