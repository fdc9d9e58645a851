import type { UsageBillingApi } from '@tollgate/contracts';
import type { ServiceDatabase } from '@tollgate/postgres';
import type { TellBalances } from '../budgets/tell-balances.js';
import type { SetBudgets } from '../budgets/set-budgets.js';
import type { GatewayWatch } from '../gateways/gateway-watch.js';
import type { LeftJournals } from '../gateways/left-journals.js';
import type { LoadAccount } from '../ledger/load-account/load-account.js';
import type { OpenEpoch } from '../credit-epochs/open-epoch.js';
import type { StopBilling } from '../organization-end/stop-billing.js';
import type { EndSubscriptions } from '../subscriptions/end-subscriptions.js';
import type { ShowSubscriptions } from '../subscriptions/show-subscriptions.js';
import type { UsageNameStore } from '../usage/query-usage/usage-name-store.js';
import { spendingByKey } from '../usage/read-usage/spending-by-key.js';

/** The internal API, called directly: by the HTTP controller here, and by other services in the same process. */
export function directUsageBillingApi(
  database: ServiceDatabase,
  gateways: GatewayWatch,
  journals: LeftJournals,
  openEpoch: OpenEpoch,
  loadAccount: LoadAccount,
  stopBilling: StopBilling,
  subscriptions: ShowSubscriptions,
  endSubscriptions: EndSubscriptions,
  budgets: SetBudgets,
  balances: TellBalances,
  names: UsageNameStore,
): UsageBillingApi {
  return {
    registerGateway: (instance) => gateways.register(instance),
    claimJournal: ({ journalId }) => journals.claim(journalId),
    shippedJournal: ({ journalId }) => journals.shipped(journalId),
    openCreditEpoch: ({ organizationId }) => openEpoch.open(organizationId),
    loadAccount: (request) => loadAccount.load(request),
    endOrganization: (request) => stopBilling.execute(request, new Date()),
    subscriptionOfKey: (organizationId, apiKeyId) => subscriptions.ofKey(organizationId, apiKeyId, new Date()),
    accountBalances: (request) => balances.of(request),
    endSubscriptions: (request) => endSubscriptions.ofMember(request, new Date()),
    endBudget: async (request) => {
      const { organizationId, kind, ownerId, name } = request;
      if (name !== undefined) await names.keep(organizationId, [{ kind, id: ownerId, name }]);
      await budgets.endOf(request);
    },
    spendingByKey: async (organizationId, apiKeyIds) => {
      const now = new Date();
      const spending = await spendingByKey(database, organizationId, apiKeyIds, now);
      const limitsOf = await balances.ofKeys(organizationId, apiKeyIds, now);
      return spending.map((each) => ({ ...each, limits: limitsOf(each.apiKeyId) }));
    },
  };
}
