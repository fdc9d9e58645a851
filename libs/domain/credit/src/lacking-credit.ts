import type { CreditItems } from './credit-items.js';
import { findCredit } from './find-credit.js';
import type { AdmissionDecision, CappedItem, ReserveItem } from './items.js';
import { emptyOrganization, type AccountBalance, type OrganizationState } from './organization-state.js';

/** Which account refuses, and what it has left, in nano-USD. */
export type LackingCredit = Extract<AdmissionDecision, { kind: 'credit_exhausted' }>;

const STORE = 'a supposed one';

/**
 * The account that admission would name if it refused at `nowMs` (milliseconds since 1970) a request that costs 1e-9
 * USD, by the rule of `reserve`; null if it admits it. An account that `balances` does not name is unused. `items` must
 * be of that moment.
 */
export function lackingCredit(
  items: CreditItems,
  balances: ReadonlyMap<string, AccountBalance>,
  nowMs: number,
): LackingCredit | null {
  const state: OrganizationState = {
    ...emptyOrganization(),
    epoch: { epochId: STORE, storeId: STORE },
    accounts: new Map(balances),
  };
  const found = findCredit(state, supposed(items), STORE, nowMs);
  return found.kind === 'credit_exhausted' ? found : null;
}

/** A request that is as cheap as can be. Its balances are told already, so none has to be loaded. */
function supposed({ accounts, either, grants }: CreditItems): ReserveItem {
  const told = ({ generation: _, ...item }: CappedItem): CappedItem => item;
  return {
    requestId: '',
    organizationId: '',
    apiKeyId: '',
    instanceId: '',
    journalId: '',
    amountNanoUsd: 1n,
    accounts: accounts.map(told),
    either: either?.map(told),
    grants,
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
    tokens: 0,
  };
}
