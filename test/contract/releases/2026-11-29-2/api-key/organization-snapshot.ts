import { organizationAccountId, type ActiveSnapshot, type CappedAccount } from './snapshot.js';

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
   * does not know, for example of a later release.
   */
  readonly state: 'active' | 'deleted';
  /** The most that all its keys together may spend (a decimal string of 1e-9 USD); null is unlimited. */
  readonly capNanoUsd: string | null;
}

/**
 * The accounts to which a key's spending is charged, its own first. `organization` is the snapshot of the key's
 * organisation. It is null if none was ever written, as by releases before 2026-12; then the copy in the key's snapshot
 * is used.
 *
 * @example
 * accountsOf(key, { organizationId: 'o', version: 2, state: 'active', capNanoUsd: '5' });
 * // [{ accountId: 'key:k', capNanoUsd: null }, { accountId: 'organization:o', capNanoUsd: '5' }]
 */
export function accountsOf(key: ActiveSnapshot, organization: OrganizationSnapshot | null): readonly CappedAccount[] {
  if (organization === null) return key.accounts;
  const accountId = organizationAccountId(key.organizationId);
  const others = key.accounts.filter((account) => account.accountId !== accountId);
  const { capNanoUsd } = organization;
  return capNanoUsd === null ? others : [...others, { accountId, capNanoUsd }];
}
