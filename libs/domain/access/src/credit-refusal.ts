import { kindOfAccount, limitOf, type AccountKind } from '@tollgate/api-key';
import type { ErrorCode } from '@tollgate/errors';

/** Money is missing, which its owner pays in; or a limit is reached that someone has set. */
type CreditCode = Extract<ErrorCode, 'insufficient_balance' | 'quota_exceeded'>;

/** How a limit is named to a caller, with the id of whom it belongs to where a caller may be under several. */
const LIMITS: Readonly<Record<AccountKind, readonly [code: CreditCode, name: (ownerId: string) => string]>> = {
  key: ['quota_exceeded', () => 'credit limit of the API key'],
  group: ['quota_exceeded', (ownerId) => `budget of the group ${ownerId}`],
  project: ['quota_exceeded', (ownerId) => `budget of the project ${ownerId}`],
  subscription: ['quota_exceeded', () => 'quota of the subscription'],
  payg: ['insufficient_balance', () => 'pay-as-you-go limit of the subscription'],
  organization: ['insufficient_balance', () => 'credit limit of the organization'],
  grant: ['insufficient_balance', () => 'prepaid balance of the organization'],
};

/**
 * The code with which a call is refused for the credit of an account, and how the limit is named. What is no id of an
 * account stands for the balance of an organisation that was given no credit at all.
 */
export function creditRefusal(accountId: string): { readonly code: CreditCode; readonly name: string } {
  const [code, name] = LIMITS[kindOfAccount(accountId) ?? 'grant'];
  return { code, name: name(ownerOf(accountId)) };
}

/** The id of whom an account belongs to: that of a group, a project, a key. */
function ownerOf(accountId: string): string {
  return limitOf(accountId).replace(/^[^:]*:/, '');
}
