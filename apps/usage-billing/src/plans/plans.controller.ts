import { randomUUID } from 'node:crypto';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { foldedPlanName } from '@tollgate/config';
import {
  Idempotent,
  IfMatch,
  listOf,
  Problem,
  showVersion,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { editedPlan, inNewVersion, newPlan } from './edit-plan.js';
import { PlanStore } from './plan-store.js';
import type { Plan } from './plan.js';
import {
  deletedPlanReply,
  planListReply,
  planObject,
  planReply,
  type PlanList,
  type PlanObject,
} from './plan.reply.js';
import {
  createPlanRequest,
  listPlansRequest,
  PLAN_PAGES,
  planPath,
  updatePlanRequest,
  type CreatePlanRequest,
  type ListPlansRequest,
  type PlanPath,
  type UpdatePlanRequest,
} from './plans.request.js';

/** What can be subscribed to. The operator makes and changes plans; everybody who is known may see them. */
@Tag('Plans')
@Controller('v1/plans')
@UseGuards(PrincipalGuard)
export class PlansController {
  constructor(
    private readonly plans: PlanStore,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Operation({
    id: 'createPlan',
    summary: 'Make a plan',
    description:
      'The operator alone does. Its name must be one that no other plan has, those of `config.yaml` included.',
  })
  @ShowsVersion()
  @Refuses('name_taken')
  @Replies(planReply, { 201: 'The plan.' })
  async create(
    @Body({ schema: createPlanRequest }) body: CreatePlanRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlanObject | SerializedReply> {
    return this.idempotency.answer(request, null, reply, async (manager) => {
      const plans = await this.plans.lock(manager);
      const plan = newPlan(randomUUID(), body, new Date());
      if ((await plans.findNamed(plan.name)) !== null) throw nameTaken();
      await plans.save(null, plan, actor);
      return { body: planObject(plan), version: plan.terms.version, committed: () => this.plans.announced() };
    });
  }

  @Get()
  @Operation({ id: 'listPlans', summary: 'List plans', description: 'Newest first, without archived ones.' })
  @Replies(planListReply, { 200: 'One page of plans.' })
  async list(@Query({ schema: listPlansRequest }) { limit, cursor }: ListPlansRequest): Promise<PlanList> {
    const asked = { organizationId: null };
    const listed = await this.plans.list(limit + 1, PLAN_PAGES.positionOf(cursor, asked));
    const page = PLAN_PAGES.page(listed, limit, asked, ({ position: [createdAt, id] }) => [createdAt, id]);
    return listOf(page, ({ plan }) => planObject(plan));
  }

  @Get(':id')
  @Operation({ id: 'getPlan', summary: 'Show a plan' })
  @ShowsVersion()
  @Replies(planReply, { 200: 'The plan.' })
  async one(
    @Param({ schema: planPath }) { id }: PlanPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlanObject> {
    const plan = await this.plans.find(id);
    if (plan === null) throw new Problem('plan_not_found');
    return shown(plan, reply);
  }

  @Patch(':id')
  @Operation({
    id: 'updatePlan',
    summary: 'Change a plan',
    description:
      'The operator alone does. What is left out stays as it is. It counts at once for those who subscribe from now on, and for present subscriptions from the beginning of their next cycle: a cycle that has begun is never changed.',
  })
  @ShowsVersion()
  @Refuses('name_taken', 'conflict')
  @Replies(planReply, { 200: 'The plan as it is now.' })
  async update(
    @Param({ schema: planPath }) { id }: PlanPath,
    @Body({ schema: updatePlanRequest }) request: UpdatePlanRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlanObject> {
    return shown(await this.change(id, precondition, actor, (plan) => editedPlan(plan, request, new Date())), reply);
  }

  @Delete(':id')
  @Operation({
    id: 'deletePlan',
    summary: 'Archive a plan',
    description:
      'The operator alone does. Nobody can subscribe to it any more, and its name is free. Its subscriptions go on and renew themselves.',
  })
  @Refuses('conflict')
  @Replies(deletedPlanReply, { 200: 'The plan is archived.' })
  async delete(
    @Param({ schema: planPath }) { id }: PlanPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
  ): Promise<PlanObject & { deleted: true }> {
    const now = new Date();
    const archive = (plan: Plan): Plan => inNewVersion({ ...plan, archivedAt: now }, now);
    const archived = await this.change(id, precondition, actor, archive);
    return { ...planObject(archived), deleted: true };
  }

  /** Changes a plan of the API that is not archived. `edit` returns null where nothing changes. */
  private async change(
    id: string,
    precondition: Precondition,
    actor: Actor,
    edit: (plan: Plan) => Plan | null,
  ): Promise<Plan> {
    const { plan, changed } = await this.plans.changing(async (plans) => {
      const before = await plans.find(id);
      if (before === null || before.archivedAt !== null) throw new Problem('plan_not_found');
      precondition.holdsFor(before.terms.version);
      if (before.source === 'config') throw new Problem('conflict', { detail: CONFIGURED });
      const after = edit(before);
      if (after === null) return { plan: before, changed: false };
      const renamed = foldedPlanName(after.name) !== foldedPlanName(before.name);
      if (renamed && (await plans.findNamed(after.name)) !== null) throw nameTaken();
      await plans.save(before, after, actor);
      return { plan: after, changed: true };
    });
    if (changed) await this.plans.callUpSubscriptions(id);
    return plan;
  }
}

const CONFIGURED = 'The plan stands in config.yaml, and is changed there alone.';

function shown(plan: Plan, reply: FastifyReply): PlanObject {
  showVersion(reply, plan.terms.version);
  return planObject(plan);
}

const nameTaken = (): Problem =>
  new Problem('name_taken', { errors: [{ path: 'name', message: 'must be one that no other plan has' }] });
