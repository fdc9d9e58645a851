import { cycleAccountId, cycleOf, type CreditCycle } from './credit-cycle.js';
import { keyAccountId, organizationAccountId, type ActiveSnapshot, type CappedAccount } from './snapshot.js';

/**
 * The state of an organisation that gateways need, for all its keys. It is one record for any number of keys: a change
 * of the cap writes this record and no key's snapshot.
 */
export interface OrganizationSnapshot {
  readonly organizationId: string;
  /** Grows by one with each change of the organisation; the higher one wins. */
  readonly version: number;
  /**
   * A deleted organisation stays deleted, and all its keys are refused. A gateway also refuses them for a state that it
   * does not know, for example of a later release: `extended` is one that has rules which the release before 2026-12
   * does not know.
   */
  readonly state: 'active' | 'extended' | 'deleted';
  /** The most that all its keys together may spend (a decimal string of 1e-9 USD); null is unlimited. */
  readonly capNanoUsd: string | null;
  /** Admission must have loaded the organisation's account for this version of it, or a later one; 0 needs none. */
  readonly capGeneration?: number;
  /** The names of the routes that each of its groups opens, by the group's id; absent for none. */
  readonly groupRoutes?: Readonly<Record<string, readonly string[]>>;
}

/** An account of a key at a moment. */
export interface JoinedAccount extends CappedAccount {
  /** Admission must have loaded it for this version of the key, or of the organisation; 0 needs none. */
  readonly generation: number;
  /** The cycle of the key's own limit that it belongs to; null for an account that is for good. */
  readonly cycle: CreditCycle | null;
}

/**
 * The accounts to which a key's spending at `nowMs` (milliseconds since 1970) is charged, its own first: that of the
 * cycle of its limit, if it has a limit and that resets. `organization` is the snapshot of the key's organisation. It
 * is null if none was ever written, as by releases before 2026-12; then the copy in the key's snapshot is used.
 *
 * @example
 * accountsOf(key, { organizationId: 'o', version: 2, state: 'active', capNanoUsd: '5' }, Date.UTC(2026, 10, 29));
 * // [{ accountId: 'key:k:daily:2026-11-29', capNanoUsd: '3', generation: 0, cycle: { reset: 'daily', … } },
 * //   { accountId: 'organization:o', capNanoUsd: '5', generation: 0, cycle: null }]
 */
export function accountsOf(
  key: ActiveSnapshot,
  organization: OrganizationSnapshot | null,
  nowMs: number,
): readonly JoinedAccount[] {
  const ofOrganization = organizationAccountId(key.organizationId);
  const accounts = key.accounts.map((account) => ownAccount(key, account, nowMs));
  if (organization === null) return accounts;
  const others = accounts.filter(({ accountId }) => accountId !== ofOrganization);
  const { capNanoUsd, capGeneration = 0 } = organization;
  if (capNanoUsd === null) return others;
  return [...others, { accountId: ofOrganization, capNanoUsd, generation: capGeneration, cycle: null }];
}

/** The account of the key's own limit in its present cycle; other accounts, and one without a limit, as they are. */
function ownAccount(key: ActiveSnapshot, account: CappedAccount, nowMs: number): JoinedAccount {
  const { apiKeyId, creditReset = 'never', creditGeneration = 0 } = key;
  if (account.capNanoUsd === null || account.accountId !== keyAccountId(apiKeyId))
    return { ...account, generation: 0, cycle: null };
  if (creditReset === 'never') return { ...account, generation: creditGeneration, cycle: null };
  const cycle = cycleOf(creditReset, nowMs);
  return { ...account, accountId: cycleAccountId(apiKeyId, cycle), generation: creditGeneration, cycle };
}
