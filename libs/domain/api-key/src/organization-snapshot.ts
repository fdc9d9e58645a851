import { organizationAccountId, type ActiveSnapshot, type CappedAccount } from './snapshot.js';

/**
 * What a gateway needs to know of an organisation, for all its keys. It is one record, however many keys there are: a
 * change of a cap writes it and no key's snapshot.
 */
export interface OrganizationSnapshot {
  readonly organizationId: string;
  /** Grows by one with each change of the organisation; the higher one wins. */
  readonly version: number;
  /** A state that a gateway does not know, as of a later release, denies all keys of the organisation. */
  readonly state: 'active';
  /** What all its keys may spend together (decimal string of 1e-9 USD); null is unlimited. */
  readonly capNanoUsd: string | null;
}

/**
 * The accounts that apply to a key's spending, its own first. `organization` is the snapshot of the key's organisation;
 * null where none was ever written, as by releases before 2026-12: then the copy in the key's snapshot counts.
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
