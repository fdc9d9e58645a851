import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { principalName, type Principal } from '@tollgate/access';
import { CurrentActor, CurrentPrincipal, PrincipalGuard, type Actor } from '@tollgate/auth';
import { foldedPlanName } from '@tollgate/config';
import { uuid } from '@tollgate/contracts';
import {
  Idempotent,
  OrganizationId,
  Problem,
  readOrganizationHeader,
  showVersion,
  type IdempotentRequest,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Owners } from '../owners/owners.js';
import { PlanStore } from '../plans/plan-store.js';
import type { Plan } from '../plans/plan.js';
import { TermsInForce } from '../terms/terms-in-force.js';
import { ChangeSubscription, type DecideSubscription } from './change-subscription.js';
import { cancelledAt, demandSelfService, noSuchPlan, paygAsked, resumed, updated } from './decide-subscription.js';
import { ReplaceKey } from './replace-key.js';
import { ShowSubscriptions } from './show-subscriptions.js';
import { Subscribe } from './subscribe.js';
import { newestCharge } from './subscription.js';
import type { StoredSubscription } from './subscription-row.js';
import { SubscriptionKeys } from './subscription-keys.js';
import { SubscriptionStore } from './subscription-store.js';
import {
  createdSubscriptionReply,
  detailedSubscriptionReply,
  subscriptionListReply,
  type CreatedSubscriptionObject,
  type DetailedSubscriptionObject,
  type SubscriptionList,
} from './subscription.reply.js';
import {
  cancelSubscriptionRequest,
  createSubscriptionRequest,
  listSubscriptionsRequest,
  SUBSCRIPTION_PAGES,
  subscriptionPath,
  updateSubscriptionRequest,
  type CancelSubscriptionRequest,
  type CreateSubscriptionRequest,
  type ListSubscriptionsRequest,
  type SubscriptionPath,
  type UpdateSubscriptionRequest,
} from './subscriptions.request.js';

const CHANGED = {
  200: 'The subscription as it is now, and every gateway knows.',
  202: 'The subscription as it is now; some gateways did not know in time, and are still being told.',
};
const NO_PAYG = { enabled: false, limitNanoUsd: null, raise: null };

/** Who asks about a subscription, and which organisation they name. */
interface Asker {
  readonly named: string;
  readonly principal: Principal;
  readonly raw: FastifyRequest;
}

/** Who subscribes to a plan gets a key that lives as long as the subscription. */
@Tag('Plans')
@Controller('v1/subscriptions')
@UseGuards(PrincipalGuard)
export class SubscriptionsController {
  constructor(
    private readonly owners: Owners,
    private readonly plans: PlanStore,
    private readonly store: SubscriptionStore,
    private readonly subscribe: Subscribe,
    private readonly change: ChangeSubscription,
    private readonly shown: ShowSubscriptions,
    private readonly replace: ReplaceKey,
    private readonly keys: SubscriptionKeys,
    private readonly inForce: TermsInForce,
    private readonly idempotency: Idempotency,
  ) {}

  /** Answers 201 with the secret. No later reply shows it, and no cache keeps it: every reply is marked no-store. */
  @Post()
  @Operation({
    id: 'createSubscription',
    summary: 'Subscribe an organisation or a member',
    description:
      'It makes a key `sk-sub-…`, whose secret this reply alone shows: a secret that was lost is replaced by rotating the key. The first cycle begins with the request and is charged. Owners may where the plan is for self-service: one for the organisation and one for each member, and a new one only after the cycle of the last one.',
  })
  @ShowsVersion()
  @Refuses('organization_not_found', 'access_denied', 'subscription_exists')
  @Replies(createdSubscriptionReply, { 201: 'The subscription with its key.' })
  async create(
    @OrganizationId() named: string,
    @Body({ schema: createSubscriptionRequest }) body: CreateSubscriptionRequest,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreatedSubscriptionObject | SerializedReply> {
    const organizationId = body.organization_id ?? named;
    if (principal.kind !== 'operator' && organizationId !== named) throw new Problem('organization_not_found');
    return this.idempotency.answerPrepared(request, organizationId, reply, async () => {
      const plan = await this.planNamed(body.plan);
      demandSelfService(principal, [plan]);
      const now = new Date();
      const payg = paygAsked(NO_PAYG, { payg: body.payg }, plan.terms.paygAllowed, now);
      const personId = await this.personOf(organizationId, body.member_id);
      const asked = {
        organizationId,
        memberId: body.member_id,
        personId,
        plan,
        payg,
        onceACycle: principal.kind !== 'operator',
        asker: principalName(principal),
        actor,
      };
      const prepared = await this.subscribe.prepare(asked, request, now);
      return async (manager) => {
        const { stored, secret } = await this.subscribe.complete(manager, prepared, now);
        const detailed = await this.shown.made(manager, stored, now);
        return {
          body: { ...detailed, api_key: { ...detailed.api_key, secret } },
          version: stored.subscription.version,
          committed: () => this.subscribe.announced(),
        };
      };
    });
  }

  @Get()
  @Operation({ id: 'listSubscriptions', summary: 'List subscriptions', description: 'Newest first, ended ones too.' })
  @Replies(subscriptionListReply, { 200: 'One page of subscriptions.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listSubscriptionsRequest }) { limit, cursor }: ListSubscriptionsRequest,
  ): Promise<SubscriptionList> {
    const asked = { organizationId };
    const after = SUBSCRIPTION_PAGES.positionOf(cursor, asked);
    const listed = await this.store.list(organizationId, limit + 1, after);
    const page = SUBSCRIPTION_PAGES.page(listed, limit, asked, ({ position: [createdAt, id] }) => [createdAt, id]);
    const data = await this.shown.all(organizationId, page.items, this.keys, new Date());
    return { object: 'list', data, has_more: page.nextCursor !== null, next_cursor: page.nextCursor };
  }

  @Get(':id')
  @Operation({ id: 'getSubscription', summary: 'Show a subscription', description: 'With what its cycles cost.' })
  @ShowsVersion()
  @Replies(detailedSubscriptionReply, { 200: 'The subscription.' })
  async one(
    @OrganizationId() named: string,
    @Param({ schema: subscriptionPath }) { id }: SubscriptionPath,
    @CurrentPrincipal() principal: Principal,
    @Req() raw: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetailedSubscriptionObject> {
    const organizationId = await this.organizationOf(id, named, principal, raw);
    return this.detailed(await this.store.find(organizationId, id), reply, new Date());
  }

  @Patch(':id')
  @Operation({
    id: 'updateSubscription',
    summary: 'Change the plan or pay-as-you-go of a subscription',
    description:
      'A plan that costs no less and includes no less counts at once: of both differences, to the whole price and the whole quota of the present plan, that part is charged and added which is left of the cycle, by seconds, rounded down. Any other plan counts from the next cycle on. Pay-as-you-go, its limit and a raise of it count at once. Owners may where both plans are for self-service.',
  })
  @ShowsVersion()
  @Refuses('access_denied', 'subscription_ended')
  @Replies(detailedSubscriptionReply, CHANGED)
  async update(
    @OrganizationId() named: string,
    @Param({ schema: subscriptionPath }) { id }: SubscriptionPath,
    @Body({ schema: updateSubscriptionRequest }) body: UpdateSubscriptionRequest,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
    @Req() raw: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetailedSubscriptionObject> {
    const plan = body.plan === undefined ? null : await this.planFor(id, body.plan, { named, principal, raw });
    const further = plan === null ? [] : [plan];
    const organizationId = await this.changeable(id, named, principal, raw, further);
    const now = new Date();
    const decide: DecideSubscription = (each, versions) => updated(each, plan, body, versions, now);
    const act = { actor, action: 'subscription.updated' } as const;
    return this.changed(await this.change.execute(organizationId, id, now, act, decide, further), reply, now);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Operation({
    id: 'cancelSubscription',
    summary: 'Cancel a subscription',
    description:
      'At the end of its cycle, or now: its key is then refused with 402 `subscription_expired`. What was charged is not given back. It may be repeated.',
  })
  @ShowsVersion()
  @Refuses('access_denied')
  @Replies(detailedSubscriptionReply, CHANGED)
  async cancel(
    @OrganizationId() named: string,
    @Param({ schema: subscriptionPath }) { id }: SubscriptionPath,
    @Body({ schema: cancelSubscriptionRequest }) { at }: CancelSubscriptionRequest,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
    @Req() raw: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetailedSubscriptionObject> {
    const organizationId = await this.changeable(id, named, principal, raw);
    const now = new Date();
    const act = { actor, action: 'subscription.cancelled' } as const;
    const changed = await this.change.execute(organizationId, id, now, act, (each) => cancelledAt(each, at, now));
    return this.changed(changed, reply, now);
  }

  @Post(':id/resume')
  @HttpCode(200)
  @Operation({
    id: 'resumeSubscription',
    summary: 'Take back the cancelling of a subscription',
    description: 'As long as it has not ended; it renews itself again.',
  })
  @ShowsVersion()
  @Refuses('access_denied', 'subscription_ended')
  @Replies(detailedSubscriptionReply, CHANGED)
  async resume(
    @OrganizationId() named: string,
    @Param({ schema: subscriptionPath }) { id }: SubscriptionPath,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
    @Req() raw: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetailedSubscriptionObject> {
    const organizationId = await this.changeable(id, named, principal, raw);
    const now = new Date();
    const act = { actor, action: 'subscription.resumed' } as const;
    const changed = await this.change.execute(organizationId, id, now, act, (each) => resumed(each, now));
    return this.changed(changed, reply, now);
  }

  @Post(':id/keys')
  @Operation({
    id: 'replaceSubscriptionKey',
    summary: 'Give a subscription a new key',
    description:
      'In the place of one that was revoked, because it leaked for example. The secret is in this reply alone. What is used of the quota stays used, and nothing is charged. While its key can be used it is refused with 409: for a new secret that key is rotated.',
  })
  @ShowsVersion()
  @Refuses('access_denied', 'conflict', 'subscription_ended', 'service_unavailable')
  @Replies(createdSubscriptionReply, { 201: 'The subscription with its new key.' })
  async replaceKey(
    @OrganizationId() named: string,
    @Param({ schema: subscriptionPath }) { id }: SubscriptionPath,
    @CurrentPrincipal() principal: Principal,
    @CurrentActor() actor: Actor,
    @Req() raw: FastifyRequest,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CreatedSubscriptionObject | SerializedReply> {
    const organizationId = await this.changeable(id, named, principal, raw);
    return this.idempotency.answerPrepared(request, organizationId, reply, async () => {
      const now = new Date();
      const prepared = await this.replace.prepare(organizationId, id, request, now);
      if (prepared === null) throw new Problem('subscription_not_found');
      const balanceOf = await this.shown.used(prepared.present);
      return async (manager) => {
        const { stored, secret } = await this.replace.complete(manager, prepared, actor, now);
        const detailed = await this.shown.made(manager, stored, now, balanceOf);
        return {
          body: { ...detailed, api_key: { ...detailed.api_key, secret } },
          version: stored.subscription.version,
          committed: async () => {
            this.replace.announced();
            await this.isInForce(stored);
          },
        };
      };
    });
  }

  /** A subscription after a change; the status is 202 while gateways are still being told. */
  private async changed(
    stored: StoredSubscription | null,
    reply: FastifyReply,
    now: Date,
  ): Promise<DetailedSubscriptionObject> {
    const [detailed, everywhere] = await Promise.all([
      this.detailed(stored, reply, now),
      stored === null || this.isInForce(stored),
    ]);
    if (!everywhere) void reply.code(202);
    return detailed;
  }

  private async isInForce({ subscription, told: terms }: StoredSubscription): Promise<boolean> {
    const { organizationId, apiKeyId } = subscription;
    return terms === null || this.inForce.ofSubscription({ organizationId, apiKeyId, terms });
  }

  private async detailed(
    stored: StoredSubscription | null,
    reply: FastifyReply,
    now: Date,
  ): Promise<DetailedSubscriptionObject> {
    if (stored === null) throw new Problem('subscription_not_found');
    showVersion(reply, stored.subscription.version);
    return this.shown.detailed(stored.subscription.organizationId, stored, this.keys, now);
  }

  /** The operator may leave out whose a subscription is; for all others it is their own organisation's. */
  private async organizationOf(id: string, named: string, principal: Principal, raw: FastifyRequest): Promise<string> {
    if (principal.kind !== 'operator' || readOrganizationHeader(raw) !== null) return named;
    return (await this.store.organizationOf(id)) ?? named;
  }

  /**
   * Whose a subscription is, for who may change it: of an owner, its plan and those that are asked for must be for
   * self-service.
   * @throws {Problem} `subscription_not_found`, `access_denied`
   */
  private async changeable(
    id: string,
    named: string,
    principal: Principal,
    raw: FastifyRequest,
    asked: readonly Plan[] = [],
  ): Promise<string> {
    const organizationId = await this.organizationOf(id, named, principal, raw);
    if (principal.kind === 'operator') return organizationId;
    const stored = await this.store.find(organizationId, id);
    if (stored === null) throw new Problem('subscription_not_found');
    const present = await this.plans.find(stored.subscription.charges.at(-1)?.planId ?? '');
    demandSelfService(principal, present === null ? asked : [present, ...asked]);
    return organizationId;
  }

  /**
   * The plan that a request names by its id, or else by its name.
   * @throws {Problem} `invalid_request` if nobody can subscribe to such a plan
   */
  private async planNamed(reference: string): Promise<Plan> {
    const plan = await this.knownPlan(reference);
    if (plan !== null && plan.archivedAt === null) return plan;
    throw noSuchPlan();
  }

  /**
   * The plan that a request names for a subscription. That may be an archived one: whether it is the present one of the
   * subscription is decided under its lock. Of two plans of one name, it is the one that is not archived.
   * @throws {Problem} `invalid_request` if there is none
   */
  private async planFor(id: string, reference: string, { named, principal, raw }: Asker): Promise<Plan> {
    const known = await this.knownPlan(reference);
    if (known !== null) return known;
    const stored = await this.store.find(await this.organizationOf(id, named, principal, raw), id);
    const present = stored === null ? null : await this.plans.find(newestCharge(stored.subscription).planId);
    if (present === null || foldedPlanName(present.name) !== foldedPlanName(reference)) throw noSuchPlan();
    return present;
  }

  /** The plan of this id, archived or not, or the one that can be subscribed to under this name; null for none. */
  private knownPlan(reference: string): Promise<Plan | null> {
    const id = uuid.safeParse(reference).data;
    return id === undefined ? this.plans.findNamed(reference) : this.plans.find(id);
  }

  /** @throws {Problem} `organization_not_found`; `invalid_request` if the organisation has no such member */
  /** The person whom the subscription is for; null for an organisation. */
  private async personOf(organizationId: string, memberId: string | null): Promise<string | null> {
    const { members } = await this.owners.ofOrganization({
      organizationId,
      memberIds: memberId === null ? [] : [memberId],
    });
    if (memberId !== null && members.length === 0)
      throw new Problem('invalid_request', {
        errors: [{ path: 'member_id', message: 'must be the id of a member of the organisation' }],
      });
    return members[0]?.personId ?? null;
  }
}
