import { randomUUID } from 'node:crypto';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import {
  askedRaise,
  Idempotent,
  IfMatch,
  listOf,
  OrganizationId,
  Problem,
  raiseOrRefused,
  readAmount,
  showVersion,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { Owners } from '../owners/owners.js';
import { TermsInForce } from '../terms/terms-in-force.js';
import {
  budgetListReply,
  budgetReply,
  deletedBudgetReply,
  type BudgetList,
  type BudgetObject,
  type DeletedBudgetObject,
} from './budget.reply.js';
import { BudgetStore } from './budget-store.js';
import {
  BUDGET_PAGES,
  budgetPath,
  createBudgetRequest,
  listBudgetsRequest,
  updateBudgetRequest,
  type BudgetPath,
  type CreateBudgetRequest,
  type ListBudgetsRequest,
  type UpdateBudgetRequest,
} from './budgets.request.js';
import type { Budget } from './budget.js';
import { SetBudgets, type NewBudget } from './set-budgets.js';
import { ShowBudgets } from './show-budgets.js';

/** Budgets of an organisation's groups and projects, which its owners and admins set. */
@Tag('Billing')
@Controller('v1/budgets')
@UseGuards(PrincipalGuard)
export class BudgetsController {
  constructor(
    private readonly idempotency: Idempotency,
    private readonly store: BudgetStore,
    private readonly setBudgets: SetBudgets,
    private readonly showBudgets: ShowBudgets,
    private readonly inForce: TermsInForce,
    private readonly owners: Owners,
  ) {}

  @Post()
  @Operation({
    id: 'createBudget',
    summary: 'Set a budget for a group or a project',
    description:
      'It bounds what all its keys spend together, from the present cycle on, in which it counts what was charged before. Calls beyond it are refused with 402.',
  })
  @ShowsVersion()
  @Refuses('organization_not_found', 'budget_exists', 'budget_limit_reached', 'service_unavailable')
  @Replies(budgetReply, { 201: 'The budget.' })
  async create(
    @OrganizationId() organizationId: string,
    @Body({ schema: createBudgetRequest }) body: CreateBudgetRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetObject | SerializedReply> {
    return this.idempotency.answerPrepared(request, organizationId, reply, async () => {
      const fields = newBudget(organizationId, body, new Date());
      await this.checkOwner(fields);
      const shown = await this.showBudgets.asNew(fields);
      return async (manager) => {
        const { version } = await this.setBudgets.create(manager, fields, actor);
        return { body: shown, version, committed: () => this.inForce.announced(organizationId) };
      };
    });
  }

  @Get()
  @Operation({ id: 'listBudgets', summary: 'List budgets', description: 'Newest first.' })
  @Replies(budgetListReply, { 200: 'One page of budgets.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listBudgetsRequest }) { limit, cursor }: ListBudgetsRequest,
  ): Promise<BudgetList> {
    const asked = { organizationId };
    const listed = await this.store.list(organizationId, limit + 1, BUDGET_PAGES.positionOf(cursor, asked));
    const page = BUDGET_PAGES.page(listed, limit, asked, ({ position: [createdAt, id] }) => [createdAt, id]);
    const budgets = page.items.map(({ budget }) => budget);
    const items = await this.showBudgets.shown(organizationId, budgets, new Date());
    return listOf({ ...page, items }, (item) => item);
  }

  @Get(':id')
  @Operation({ id: 'getBudget', summary: 'Show a budget' })
  @ShowsVersion()
  @Replies(budgetReply, { 200: 'The budget.' })
  async one(
    @OrganizationId() organizationId: string,
    @Param({ schema: budgetPath }) { id }: BudgetPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetObject> {
    return this.shown(await this.store.find(organizationId, id), reply);
  }

  @Patch(':id')
  @Operation({
    id: 'updateBudget',
    summary: 'Change a budget',
    description:
      'What is left out stays as it is. Another `reset` begins with what was charged in the cycle that it makes the present one; the same one changes nothing. A key changes no budget of its own groups or project.',
  })
  @ShowsVersion()
  @Refuses('access_denied')
  @Replies(budgetReply, {
    200: 'The budget as it is now, and every gateway knows.',
    202: 'The budget as it is now; some gateways did not know in time, and are still being told.',
  })
  async update(
    @OrganizationId() organizationId: string,
    @Param({ schema: budgetPath }) { id }: BudgetPath,
    @Body({ schema: updateBudgetRequest }) body: UpdateBudgetRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BudgetObject> {
    const updated = await this.setBudgets.update(organizationId, id, body, precondition, actor, new Date());
    if (updated !== null && !(await this.inForce.ofOrganization(organizationId))) void reply.code(202);
    return this.shown(updated, reply);
  }

  @Delete(':id')
  @Operation({
    id: 'deleteBudget',
    summary: 'Delete a budget',
    description: 'Its group or project is without a budget then; what was charged stays in the ledger.',
  })
  @Refuses('access_denied')
  @Replies(deletedBudgetReply, {
    200: 'It is deleted, and every gateway knows.',
    202: 'It is deleted; some gateways did not know in time, and are still being told.',
  })
  async delete(
    @OrganizationId() organizationId: string,
    @Param({ schema: budgetPath }) { id }: BudgetPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeletedBudgetObject> {
    if (!(await this.setBudgets.delete(organizationId, id, precondition, actor))) throw new Problem('budget_not_found');
    if (!(await this.inForce.ofOrganization(organizationId))) void reply.code(202);
    return { object: 'budget', id, deleted: true };
  }

  private async checkOwner({ organizationId, kind, ownerId }: NewBudget): Promise<void> {
    const ids = [ownerId];
    const known = await this.owners.ofOrganization({
      organizationId,
      ...(kind === 'group' ? { groupIds: ids } : { projectIds: ids }),
    });
    if ((kind === 'group' ? known.groups : known.projects).length > 0) return;
    const errors = [{ path: `${kind}_id`, message: `is no ${kind} of this organisation` }];
    throw new Problem('invalid_request', { errors });
  }

  private async shown(budget: Budget | null, reply: FastifyReply): Promise<BudgetObject> {
    if (budget === null) throw new Problem('budget_not_found');
    showVersion(reply, budget.version);
    const [object] = await this.showBudgets.shown(budget.organizationId, [budget], new Date());
    if (object === undefined) throw new Error('a budget was not shown');
    return object;
  }
}

function newBudget(organizationId: string, body: CreateBudgetRequest, now: Date): NewBudget {
  const capNanoUsd = readAmount(body.amount_usd);
  return {
    organizationId,
    id: randomUUID(),
    kind: body.group_id === undefined ? 'project' : 'group',
    ownerId: body.group_id ?? body.project_id ?? '',
    capNanoUsd,
    reset: body.reset,
    raise: raiseOrRefused(askedRaise(body.credit_limit_raise, null, capNanoUsd, now)),
    createdAt: now,
  };
}
