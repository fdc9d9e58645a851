import type { OrganizationSnapshot, SnapshotBudget } from '@tollgate/api-key';
import type { EndBudgetRequest } from '@tollgate/contracts';
import type { OutboxEntry } from '@tollgate/postgres';
import { END_BUDGET } from '../store/outbox-effects.js';
import { capRaiseOf, type CreditRaise } from './credit-raise.js';

/** The names of the routes that each group opens, by the id of the group. Groups without routes are left out. */
export type GroupRoutes = Readonly<Record<string, readonly string[]>>;

/**
 * What usage-billing says of an organisation's credit, as gateways read it: the budgets of its groups and projects, its
 * grants, its mark-up, and prices of its own.
 */
export type BillingTerms = Pick<OrganizationSnapshot, 'budgets' | 'grants' | 'markupMillionths' | 'prices'>;

/** A tenant: each key, member and usage event belongs to exactly one. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  /** The credit limit over all its keys together; null is unlimited. */
  readonly creditLimitNanoUsd: bigint | null;
  /** Its version from which on the limit counts what the ledger has; 0 for a limit that it was made with, or none. */
  readonly creditGeneration: number;
  /** More than the limit for a time; null for none. One that has ended stays until the next is set. */
  readonly creditRaise: CreditRaise | null;
  /** Empty for an organisation that usage-billing has said nothing about. */
  readonly billing: BillingTerms;
  /** What its groups open. A copy of what the groups themselves say, changed together with them. */
  readonly groupRoutes: GroupRoutes;
  /** Whether its keys keep the names that they were made with. */
  readonly keyNamesImmutable: boolean;
  readonly createdAt: Date;
  /** When it was deleted; null for all that are shown. */
  readonly deletedAt: Date | null;
  /** 1 at creation; each change adds one. */
  readonly version: number;
}

/** What gateways need to know of an organisation. */
export type OrganizationState = Pick<
  Organization,
  'id' | 'version' | 'creditLimitNanoUsd' | 'creditGeneration' | 'creditRaise' | 'billing' | 'groupRoutes' | 'deletedAt'
>;

/** The snapshot of an organisation, which gateways read. */
export function organizationSnapshotOf(organization: OrganizationState) {
  return {
    organizationId: organization.id,
    version: organization.version,
    state: stateOf(organization),
    capNanoUsd: organization.creditLimitNanoUsd?.toString() ?? null,
    capGeneration: organization.creditGeneration,
    ...(Object.keys(organization.groupRoutes).length > 0 && { groupRoutes: organization.groupRoutes }),
    ...(organization.creditRaise !== null && { capRaise: capRaiseOf(organization.creditRaise) }),
    ...organization.billing,
  } satisfies OrganizationSnapshot;
}

/**
 * Gateways of releases before do not load the account of a limit that was set later, or do not know of budgets, grants,
 * mark-ups and own prices: they refuse its keys.
 */
function stateOf({ deletedAt, creditGeneration, billing }: OrganizationState): OrganizationSnapshot['state'] {
  if (deletedAt !== null) return 'deleted';
  if (Object.keys(billing).length > 0) return 'billed';
  return creditGeneration > 0 ? 'extended' : 'active';
}

/** The terms with those of the budgets alone whose owners there are: a budget ends with its group or project. */
export function withBudgets(
  { budgets = [], ...terms }: BillingTerms,
  lives: (budget: SnapshotBudget) => boolean,
): BillingTerms {
  const living = budgets.filter(lives);
  return living.length === 0 ? terms : { ...terms, budgets: living };
}

/** The outbox entry by which usage-billing ends the budget of a group or project that is no more. */
export function budgetEnd(request: EndBudgetRequest): OutboxEntry {
  return { effect: END_BUDGET, key: request.organizationId, payload: JSON.stringify(request) };
}
