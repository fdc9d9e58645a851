import type { MigrateOptions } from '@tollgate/postgres';
import { Keys1795190400000 } from './1795190400000-keys.js';
import { OrganizationCreditLimit1795276800000 } from './1795276800000-organization-credit-limit.js';
import { Organizations1796169600000 } from './1796169600000-organizations.js';
import { People1796256000000 } from './1796256000000-people.js';
import { Tenancy1796342400000 } from './1796342400000-tenancy.js';
import { Sessions1796428800000 } from './1796428800000-sessions.js';
import { Membership1796515200000 } from './1796515200000-membership.js';
import { Oidc1796601600000 } from './1796601600000-oidc.js';
import { AuditChain1796688000000 } from './1796688000000-audit-chain.js';
import { Contract1796774400000 } from './1796774400000-contract.js';
import { KeyLookUp1796860800000 } from './1796860800000-key-look-up.js';
import { KeysWhole1796947200000 } from './1796947200000-keys-whole.js';
import { KeyUse1797033600000 } from './1797033600000-key-use.js';
import { KeyNotices1797120000000 } from './1797120000000-key-notices.js';
import { AuthorizationCodes1797379200000 } from './1797379200000-authorization-codes.js';
import { KeyImports1797465600000 } from './1797465600000-key-imports.js';
import { ProjectsOfDeletedKeys1797552000000 } from './1797552000000-projects-of-deleted-keys.js';
import { BillingTerms1797724800000 } from './1797724800000-billing-terms.js';
import { MembersOfKeys1797768000000 } from './1797768000000-members-of-keys.js';
import { BudgetsOfDeletedGroups1798416000000 } from './1798416000000-budgets-of-deleted-groups.js';
import { KeysOfRemovedMembers1798416000001 } from './1798416000001-keys-of-removed-members.js';
import { SubscriptionKeys1797811200000 } from './1797811200000-subscription-keys.js';
import { AuditReceived1798156800000 } from './1798156800000-audit-received.js';
import { KeyList1797638400000 } from './1797638400000-key-list.js';
import { AddressesOfDeleted1798740000000 } from './1798740000000-addresses-of-deleted.js';

/** The Postgres schema of key-management, for `migrate`. */
export const keyManagementSchema: MigrateOptions = {
  schema: 'keys',
  serviceSchema: 'keys',
  migrations: [
    Keys1795190400000,
    OrganizationCreditLimit1795276800000,
    Organizations1796169600000,
    People1796256000000,
    Tenancy1796342400000,
    Sessions1796428800000,
    Membership1796515200000,
    Oidc1796601600000,
    AuditChain1796688000000,
    Contract1796774400000,
    KeyLookUp1796860800000,
    KeysWhole1796947200000,
    KeyUse1797033600000,
    KeyNotices1797120000000,
    AuthorizationCodes1797379200000,
    KeyImports1797465600000,
    ProjectsOfDeletedKeys1797552000000,
    KeyList1797638400000,
    BillingTerms1797724800000,
    MembersOfKeys1797768000000,
    SubscriptionKeys1797811200000,
    AuditReceived1798156800000,
    BudgetsOfDeletedGroups1798416000000,
    KeysOfRemovedMembers1798416000001,
    AddressesOfDeleted1798740000000,
  ],
};
