import { CREDIT_RESETS, cycleOfAccount, kindOfAccount } from '@tollgate/api-key';
import { z } from 'zod';
import { ledgerId } from '../ledger-text.js';
import { DEFAULT_ORGANIZATION_ID } from '../organizations.js';
import { count, id, instant, nanoUsd, readableItems } from '../primitives.js';

/** `POST /internal/gateways/register`: stores the gateway durably, before it admits its first capped request. */
export const registerGatewayRequest = z.object({
  /** The new process. Earlier instances of the same journal now count as gone, and their open holds as orphans. */
  instanceId: ledgerId,
  journalId: ledgerId,
});
/**
 * `POST /internal/journals/claim`: a gateway can lock the journal of another process, and asks whether that process is
 * gone, so that it may ship what is left. For half a minute after each claim the holds of the journal's gateway are not
 * released: a final of theirs may be on its way. It may be repeated. The release before does not know this call (404):
 * then no journal is adopted.
 */
export const claimJournalRequest = z.object({ journalId: ledgerId });
/** `unknown` is a journal that no process has registered. */
export const claimJournalReply = z.object({ owner: z.enum(['running', 'gone', 'unknown']) });

/**
 * `POST /internal/journals/shipped`: all usage of the journal is on the bus. It is answered once all that was on the
 * bus by then is booked, or in quarantine; the holds of the journal's gateways that are gone are then resolved, whoever
 * claimed it. It may be repeated. The release before does not know this call (404).
 */
export const shippedJournalRequest = z.object({ journalId: ledgerId });

/**
 * `POST /internal/credit-epochs/open`: waits until the topic is drained, loads the ledger, and opens an epoch of the
 * organisation if it has none.
 */
export const openCreditEpochRequest = z.object({ organizationId: ledgerId });

/**
 * `POST /internal/accounts/load`: makes an account count what its key, its group, its project or all keys of the
 * organisation were charged in its period, calls of before the limit among them, and tells admission. It may be
 * repeated. It is answered within two seconds or is 503.
 */
export const loadAccountRequest = z
  .object({
    organizationId: ledgerId,
    accountId: ledgerId,
    /** The key whose limit the account caps; null for the limit of the organisation and for budgets. */
    apiKeyId: ledgerId.nullable(),
    reset: z.enum(CREDIT_RESETS),
    /** The first moment of the account's cycle, in milliseconds since 1970; null for `never`. */
    startMs: z.int().nullable(),
    /** The version of the key, organisation or budget that set the limit or its reset: admission compares it. */
    generation: count,
  })
  .refine(
    ({ accountId, apiKeyId, reset, startMs }) => {
      const cycle = cycleOfAccount(accountId);
      if (cycle.reset !== reset) return false;
      return reset === 'never'
        ? startMs === null
        : cycle.startMs === startMs && (apiKeyId !== null || isBudget(accountId));
    },
    { path: ['accountId'], message: 'must be the account of that cycle' },
  );

/** Whether an account is that of the budget of a group or a project. */
function isBudget(accountId: string): boolean {
  const kind = kindOfAccount(accountId);
  return kind === 'group' || kind === 'project';
}
export type LoadAccountRequest = z.infer<typeof loadAccountRequest>;
/** What is charged to the account now. */
export const loadAccountReply = z.object({ postedNanoUsd: nanoUsd });

/**
 * `POST /internal/spending/by-key`: returns from the ledger what keys of an organisation have spent, with zeros for
 * keys that were never used. The reader leaves out a sum that it cannot read, because unknown is not zero. The release
 * before sends no `organizationId`: it only has keys of the default organisation.
 */
export const spendingByKeyRequest = z.object({
  organizationId: ledgerId.default(DEFAULT_ORGANIZATION_ID),
  apiKeyIds: z.array(ledgerId).max(1_000),
});
/** The usage of one key since it was created. */
export const keySpending = z.object({
  apiKeyId: id,
  requests: count,
  inputTokens: count,
  outputTokens: count,
  chargedNanoUsd: nanoUsd,
  lastUsedAt: instant.nullable(),
  lastUsedFrom: z.string().nullable(),
  /** What its calls of this day, week and month were charged, by UTC; absent in replies of releases before 2026-12. */
  chargedTodayNanoUsd: nanoUsd.optional(),
  chargedThisWeekNanoUsd: nanoUsd.optional(),
  chargedThisMonthNanoUsd: nanoUsd.optional(),
  /**
   * What its limit is charged with in the present cycle, by the reset that it may have, and what calls in flight hold
   * on it; those of which admission knows nothing are left out. Absent in replies of the release before.
   */
  limits: z.array(z.object({ reset: z.enum(CREDIT_RESETS), postedNanoUsd: nanoUsd, heldNanoUsd: nanoUsd })).optional(),
});
export const spendingByKeyReply = z.object({ spending: readableItems(keySpending) });
/** What one key has spent since it was made. The charge is in nano-USD. */
export type KeySpending = z.infer<typeof keySpending>;

/**
 * `POST /internal/organizations/end`: an organisation was deleted. Its subscriptions and grants end at once. What is
 * known of it is exported about an hour later, and what is personal erased. It may be repeated. The release before does
 * not know this call (404).
 */
export const endOrganizationRequest = z.object({
  organizationId: ledgerId,
  /** When it was deleted: no cycle of a subscription begins from then on. The release before does not say it. */
  endedAt: instant.optional(),
});
export type EndOrganizationRequest = z.infer<typeof endOrganizationRequest>;

/**
 * `POST /internal/subscriptions/of-key`: what the subscription of a key includes in its present cycle, and what is used
 * of it. The release before does not know this call (404).
 */
export const subscriptionOfKeyRequest = z.object({ organizationId: ledgerId, apiKeyId: ledgerId });
const keySubscription = z.object({
  plan: z.string(),
  /** `ending` was cancelled for the end of its cycle; `ended` cannot be used any more. */
  status: z.enum(['active', 'ending', 'ended']),
  startsAt: instant,
  endsAt: instant,
  quotaNanoUsd: nanoUsd,
  quotaUsedNanoUsd: nanoUsd,
  /** What may be spent beyond the quota in the cycle; null where pay-as-you-go is not switched on. */
  paygCapNanoUsd: nanoUsd.nullable(),
  paygUsedNanoUsd: nanoUsd,
  /** What calls in flight hold on them; absent in replies of the release before. */
  quotaHeldNanoUsd: nanoUsd.optional(),
  paygHeldNanoUsd: nanoUsd.optional(),
});
export const subscriptionOfKeyReply = z.object({ subscription: keySubscription.nullable() });
/** The present cycle of a key's subscription. Amounts are in nano-USD. */
export type KeySubscriptionCycle = z.infer<typeof keySubscription>;

/**
 * `POST /internal/budgets/end`: a group or project was deleted, and its budget ends with it. What was charged to it
 * stays, under the name that it had last. It may be repeated. The release before does not know this call (404).
 */
export const endBudgetRequest = z.object({
  organizationId: ledgerId,
  kind: z.enum(['group', 'project']),
  ownerId: ledgerId,
  name: z.string().max(500).optional(),
});
export type EndBudgetRequest = z.infer<typeof endBudgetRequest>;

/**
 * `POST /internal/subscriptions/end`: a member was removed, and what they subscribed to ends with their membership. It
 * may be repeated. The release before does not know this call (404).
 */
export const endSubscriptionsRequest = z.object({
  organizationId: ledgerId,
  memberId: ledgerId,
  /** When they were removed: no cycle begins from then on. */
  endedAt: instant,
});
export type EndSubscriptionsRequest = z.infer<typeof endSubscriptionsRequest>;

/** The most accounts of one call. */
const BALANCES_MAX = 1_000;

/**
 * `POST /internal/accounts/balances`: what is charged to accounts of an organisation, and what calls in flight hold on
 * them; zeros for those that nobody used. `generation` is the version of the limit: of a budget that was not loaded for
 * it yet, what its group or project was charged in its cycle counts. The release before does not know this call (404).
 */
export const accountBalancesRequest = z.object({
  organizationId: ledgerId,
  accounts: z.array(z.object({ accountId: ledgerId, generation: count })).max(BALANCES_MAX),
});
export type AccountBalancesRequest = z.infer<typeof accountBalancesRequest>;
const toldBalance = z.object({ accountId: ledgerId, postedNanoUsd: nanoUsd, heldNanoUsd: nanoUsd });
export const accountBalancesReply = z.object({ balances: z.array(toldBalance) });
/** Amounts in nano-USD. */
export type ToldBalance = z.infer<typeof toldBalance>;

/** Token of the `UsageBillingApi` of a process: usage-billing itself, or its client. */
export const USAGE_BILLING_API = Symbol('USAGE_BILLING_API');

/** The internal API of usage-billing for the other services: over HTTP, or called directly in the standalone. */
export interface UsageBillingApi {
  registerGateway(request: z.infer<typeof registerGatewayRequest>): Promise<void>;
  /** Whether the process of a journal is running. Throws if Postgres is unreachable. */
  claimJournal(request: z.infer<typeof claimJournalRequest>): Promise<z.infer<typeof claimJournalReply>>;
  /** Resolves once the usage of a journal is booked. Throws if Postgres or the bus is unreachable. */
  shippedJournal(request: z.infer<typeof shippedJournalRequest>): Promise<void>;
  openCreditEpoch(request: z.infer<typeof openCreditEpochRequest>): Promise<void>;
  loadAccount(request: LoadAccountRequest): Promise<z.infer<typeof loadAccountReply>>;
  spendingByKey(organizationId: string, apiKeyIds: readonly string[]): Promise<KeySpending[]>;
  /** Null for a key of no subscription. Throws if Postgres is unreachable. */
  subscriptionOfKey(organizationId: string, apiKeyId: string): Promise<KeySubscriptionCycle | null>;
  /**
   * Notes that an organisation was deleted, and ends its subscriptions and grants. Throws if Postgres is unreachable.
   */
  endOrganization(request: EndOrganizationRequest): Promise<void>;
  /** Ends the budget of a group or project that was deleted, if it has one. Throws if Postgres is unreachable. */
  endBudget(request: EndBudgetRequest): Promise<void>;
  /** Ends the subscriptions of a member who was removed. Throws if Postgres is unreachable. */
  endSubscriptions(request: EndSubscriptionsRequest): Promise<void>;
  /** What is charged to accounts and held on them. Throws if Postgres is unreachable. */
  accountBalances(request: AccountBalancesRequest): Promise<readonly ToldBalance[]>;
}
