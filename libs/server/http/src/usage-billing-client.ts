import {
  accountBalancesReply,
  claimJournalReply,
  loadAccountReply,
  spendingByKeyReply,
  subscriptionOfKeyReply,
  type UsageBillingApi,
} from '@tollgate/contracts';
import { InternalHttpClient, type InternalHttpClientOptions } from './internal-http-client.js';

export interface UsageBillingClientOptions extends InternalHttpClientOptions {
  /** Opening an epoch, and booking a journal, wait until the usage topic is drained; default 30 s. */
  readonly epochTimeoutMs?: number;
  /** Loading an account waits until the usage topic is drained, at most two seconds; default 3 s for the call. */
  readonly loadTimeoutMs?: number;
}

const EPOCH_TIMEOUT_MS = 30_000;
const LOAD_TIMEOUT_MS = 3_000;

/** usage-billing's internal API over HTTP. Every method throws `InternalCallError` where it cannot be asked. */
export function httpUsageBillingApi({
  epochTimeoutMs = EPOCH_TIMEOUT_MS,
  loadTimeoutMs = LOAD_TIMEOUT_MS,
  ...options
}: UsageBillingClientOptions): UsageBillingApi & { close(): Promise<void> } {
  const client = new InternalHttpClient(options);
  return {
    registerGateway: (request) => client.send('/internal/gateways/register', request),
    claimJournal: (request) => client.call('/internal/journals/claim', request, claimJournalReply),
    shippedJournal: (request) => client.send('/internal/journals/shipped', request, { timeoutMs: epochTimeoutMs }),
    openCreditEpoch: (request) => client.send('/internal/credit-epochs/open', request, { timeoutMs: epochTimeoutMs }),
    loadAccount: (request) =>
      client.call('/internal/accounts/load', request, loadAccountReply, { timeoutMs: loadTimeoutMs }),
    spendingByKey: async (organizationId, apiKeyIds) =>
      (await client.call('/internal/spending/by-key', { organizationId, apiKeyIds }, spendingByKeyReply)).spending,
    subscriptionOfKey: async (organizationId, apiKeyId) =>
      (await client.call('/internal/subscriptions/of-key', { organizationId, apiKeyId }, subscriptionOfKeyReply))
        .subscription,
    endOrganization: (request) => client.send('/internal/organizations/end', request),
    endBudget: (request) => client.send('/internal/budgets/end', request),
    endSubscriptions: (request) => client.send('/internal/subscriptions/end', request),
    accountBalances: async (request) =>
      (await client.call('/internal/accounts/balances', request, accountBalancesReply)).balances,
    close: () => client.close(),
  };
}
