import { Inject, Injectable } from '@nestjs/common';
import { cycleOfAccount, kindOfAccount, limitOf, type AccountKind } from '@tollgate/api-key';
import { uuid } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
import { Owners } from '../../owners/owners.js';

/** The kind of the account on which an organisation's prices of cycles stand. It caps nothing. */
export const FEES = 'fees';

/** The account of an organisation's prices of cycles. */
export const feesAccountId = (organizationId: string): string => `${FEES}:${organizationId}`;

const ACCOUNT = 'SELECT 1 FROM billing.account WHERE organization_id = $1 AND account_id = $2';

const GRANT = 'SELECT 1 FROM billing.grant WHERE organization_id = $1 AND id = $2';

const SUBSCRIPTION = 'SELECT 1 FROM billing.subscription WHERE organization_id = $1 AND id = $2';

/** Tells the accounts that an organisation has, used or not yet, from what is none of its. */
@Injectable()
export class KnownAccounts {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(Owners) private readonly owners: Pick<Owners, 'ofOrganization'>,
  ) {}

  /**
   * Whether an organisation has an account: one that the ledger has, or one of something that it has, in a cycle that
   * there is.
   * @throws {Problem} `service_unavailable` where key-management has to be asked and cannot
   */
  async has(organizationId: string, accountId: string): Promise<boolean> {
    if (accountId === feesAccountId(organizationId)) return true;
    if (await this.finds(ACCOUNT, organizationId, accountId)) return true;
    const kind = kindOfAccount(accountId);
    const limit = limitOf(accountId);
    // A period that is none, as the 30th of February, is cut off as one, and has no cycle.
    if (kind === null || (limit !== accountId && cycleOfAccount(accountId).reset === 'never')) return false;
    return this.hasOwner(organizationId, kind, limit.slice(kind.length + 1));
  }

  private async hasOwner(organizationId: string, kind: AccountKind, ownerId: string): Promise<boolean> {
    if (kind === 'organization') return ownerId === organizationId;
    if (!uuid.safeParse(ownerId).success) return false;
    if (kind === 'grant') return this.finds(GRANT, organizationId, ownerId);
    if (kind === 'subscription' || kind === 'payg') return this.finds(SUBSCRIPTION, organizationId, ownerId);
    const [asked, named] = OWNERS[kind];
    return (await this.owners.ofOrganization({ organizationId, [asked]: [ownerId] }))[named].length > 0;
  }

  private async finds(statement: string, organizationId: string, id: string): Promise<boolean> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<object[]>(statement, [organizationId, id]),
    );
    return rows.length > 0;
  }
}

/** Under which names key-management is asked about owners, and answers. */
const OWNERS = {
  key: ['apiKeyIds', 'apiKeys'],
  group: ['groupIds', 'groups'],
  project: ['projectIds', 'projects'],
} as const;
