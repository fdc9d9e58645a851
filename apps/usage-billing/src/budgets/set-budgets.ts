import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import type { CreditReset } from '@tollgate/api-key';
import type { EndBudgetRequest } from '@tollgate/contracts';
import { askedRaise, Problem, raiseOrRefused, readAmount, type Precondition } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords } from '../audit/audit-records.js';
import { OrganizationTerms } from '../terms/organization-terms.js';
import { budgetChange } from './budget-audit.js';
import { BudgetStore } from './budget-store.js';
import { BUDGETS_MAX, edited, type Budget, type BudgetChange, type BudgetKind } from './budget.js';
import type { UpdateBudgetRequest } from './budgets.request.js';

/** What a new budget is made of. */
export interface NewBudget extends Pick<Budget, 'organizationId' | 'id' | 'capNanoUsd' | 'raise' | 'createdAt'> {
  readonly kind: BudgetKind;
  readonly ownerId: string;
  readonly reset: CreditReset;
}

/** Makes, changes and deletes budgets. Each change tells gateways the whole terms of the organisation. */
@Injectable()
export class SetBudgets {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: BudgetStore,
    private readonly terms: OrganizationTerms,
    private readonly audit: AuditRecords,
  ) {}

  /**
   * Writes a budget in a transaction about its organisation. Once that is committed, call `announced` of the terms. It
   * counts what was charged in the present cycle before.
   * @throws {Problem} `budget_exists`, `budget_limit_reached`
   */
  async create(manager: EntityManager, fields: NewBudget, actor: Actor): Promise<Budget> {
    const { organizationId } = fields;
    const terms = await this.terms.lock(manager, organizationId);
    const count = await this.store.count(manager, fields);
    if (count.ofOwner > 0) throw new Problem('budget_exists');
    if (count.all >= BUDGETS_MAX)
      throw new Problem('budget_limit_reached', {
        detail: `An organisation may have ${BUDGETS_MAX} budgets. Delete one that is not needed any more.`,
      });
    const budget: Budget = { ...fields, generation: terms.version + 1, version: 1 };
    await this.store.insert(manager, budget);
    await this.terms.save(manager, organizationId, terms);
    await this.audit.add(manager, budgetChange(actor, null, budget));
    return budget;
  }

  /**
   * The budget as it is afterwards; null if there is none. A request that changes nothing makes no new version.
   * @throws {Problem} `access_denied` for a key whose limit it is; `precondition_failed`; `invalid_request` for a raise
   * that cannot be
   */
  async update(
    organizationId: string,
    id: string,
    request: UpdateBudgetRequest,
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<Budget | null> {
    const updated = await this.database.inOrganization(organizationId, async (manager) => {
      const terms = await this.terms.lock(manager, organizationId);
      const before = await this.store.findIn(manager, organizationId, id);
      if (before === null) return null;
      demandNotBound(actor, before);
      precondition.holdsFor(before.version);
      const after = edited(before, changeOf(before, request, now), terms.version + 1);
      if (after === null) return before;
      await this.store.save(manager, after);
      await this.terms.save(manager, organizationId, terms);
      await this.audit.add(manager, budgetChange(actor, before, after));
      return after;
    });
    this.terms.announced();
    return updated;
  }

  /** Whether there was one. What was charged to it stays in the ledger. */
  async delete(organizationId: string, id: string, precondition: Precondition, actor: Actor): Promise<boolean> {
    const deleted = await this.database.inOrganization(organizationId, async (manager) => {
      const terms = await this.terms.lock(manager, organizationId);
      const budget = await this.store.findIn(manager, organizationId, id);
      if (budget === null) return false;
      demandNotBound(actor, budget);
      precondition.holdsFor(budget.version);
      await this.store.delete(manager, budget);
      await this.terms.save(manager, organizationId, terms);
      await this.audit.add(manager, budgetChange(actor, budget, null));
      return true;
    });
    this.terms.announced();
    return deleted;
  }

  /** Ends the budget of a group or project that is no more, if it has one. It may be repeated. */
  async endOf({ organizationId, kind, ownerId }: EndBudgetRequest): Promise<void> {
    const ended = await this.database.inOrganization(organizationId, async (manager) => {
      // Most groups have no budget: then nothing is locked, and no terms come to be.
      if (!(await this.store.hasBudget(manager, { organizationId, kind, ownerId }))) return false;
      const terms = await this.terms.lock(manager, organizationId);
      await this.store.deleteOf(manager, { organizationId, kind, ownerId });
      await this.terms.save(manager, organizationId, terms);
      return true;
    });
    if (ended) this.terms.announced();
  }
}

/**
 * A budget is a limit of every key of its group or project, and no key changes its own limits.
 * @throws {Problem} `access_denied`
 */
function demandNotBound({ principal }: Actor, { kind, ownerId }: Pick<Budget, 'kind' | 'ownerId'>): void {
  if (principal?.kind !== 'api_key' || principal.boundBy === undefined) return;
  const { projectId, groupIds } = principal.boundBy;
  if (kind === 'project' ? ownerId !== projectId : !groupIds.includes(ownerId)) return;
  throw new Problem('access_denied', {
    detail: `The budget of this ${kind} limits the key that asks: ask with another key, or as a person.`,
  });
}

function changeOf(before: Budget, request: UpdateBudgetRequest, now: Date): BudgetChange {
  const { amount_usd: amount, reset = before.reset, credit_limit_raise: raise } = request;
  const capNanoUsd = amount === undefined ? before.capNanoUsd : readAmount(amount);
  return { capNanoUsd, reset, raise: raiseOrRefused(askedRaise(raise, before.raise, capNanoUsd, now)) };
}
