import { Inject, Injectable } from '@nestjs/common';
import { attachedPrincipal } from '@tollgate/auth';
import { entityTagOf, organizationIdOf, SerializedReply, showVersion, type IdempotentRequest } from '@tollgate/http';
import type { FastifyReply } from 'fastify';
import type { EntityManager } from 'typeorm';
import { IDEMPOTENCY_DATABASE, type IdempotencyDatabase } from './idempotency-database.js';
import { IdempotencyRecords, type Claim, type StoredAnswer } from './idempotency-records.js';

/** What an effect has come to. */
interface EffectResult<Body extends object> {
  readonly body: Body;
  /** Of what the body shows, for `ETag`. */
  readonly version?: number;
  /**
   * What must wait for the commit, such as telling the gateways. It is awaited, and not done for a repetition. If it
   * resolves with a number, that is the status of this reply.
   */
  readonly committed?: () => Promise<unknown> | void;
}

/** Reads and writes in a transaction that is about one organisation, or about none. What it throws undoes it. */
export type Effect<Body extends object> = (manager: EntityManager) => Promise<EffectResult<Body>>;

/**
 * Answers requests that create something. One that names itself by `Idempotency-Key` has its effect once within 24
 * hours, however often it comes; the others get the first answer.
 *
 * @example
 * @Post()
 * async create(
 *   @OrganizationId() organizationId: string,
 *   @Body({ schema: createProjectRequest }) body: CreateProjectRequest,
 *   @Idempotent() request: IdempotentRequest,
 *   @Res({ passthrough: true }) reply: FastifyReply,
 * ): Promise<ProjectObject | SerializedReply> {
 *   return this.idempotency.answer(request, organizationId, reply, async (manager) => {
 *     const project = await this.createProject.execute(manager, organizationId, body);
 *     return { body: projectObject(project), version: project.version };
 *   });
 * }
 */
@Injectable()
export class Idempotency {
  constructor(
    @Inject(IDEMPOTENCY_DATABASE)
    private readonly database: Pick<IdempotencyDatabase, 'inOrganization' | 'outsideOrganizations'>,
    private readonly records: IdempotencyRecords,
  ) {}

  /**
   * Makes the effect in a transaction about `organizationId`, null for one about none, or finds what it was the first
   * time. A guard has checked before that the caller may still do this. A refusal that the effect throws is not kept:
   * the request may come again.
   * @throws {Problem} `idempotency_conflict`, `idempotency_key_reused`, and what the effect throws
   */
  async answer<Body extends object>(
    request: IdempotentRequest,
    organizationId: string | null,
    reply: FastifyReply,
    effect: Effect<Body>,
  ): Promise<Body | SerializedReply> {
    const claim = claimOf(request, reply);
    if (claim === null) return this.effectAlone(organizationId, reply, effect);
    let committed: EffectResult<Body>['committed'];
    const { replayed, answer } = await this.inTransaction(organizationId, async (manager) => {
      const kept = await this.records.claim(manager, claim, new Date());
      if (kept !== null) return { replayed: true, answer: kept };
      const result = await effect(manager);
      ({ committed } = result);
      const first = answerOf(result, request, reply);
      await this.records.store(manager, claim, first);
      return { replayed: false, answer: first };
    });
    if (replayed) return replay(answer, reply);
    void reply.code(answer.status).headers(answer.headers);
    await finish(committed, reply);
    return new SerializedReply(answer.body);
  }

  /**
   * The same where the effect needs something that must not be asked for in a transaction, such as another service:
   * then `prepare` finds it out, and resolves with the effect. A request that was answered already is not prepared
   * again, so that it gets its answer whatever has changed since. Two that come at once are both prepared.
   * @throws {Problem} `idempotency_conflict`, `idempotency_key_reused`, and what `prepare` and the effect throw
   */
  async answerPrepared<Body extends object>(
    request: IdempotentRequest,
    organizationId: string | null,
    reply: FastifyReply,
    prepare: () => Promise<Effect<Body>>,
  ): Promise<Body | SerializedReply> {
    const kept = await this.kept(claimOf(request, reply));
    if (kept !== null) return replay(kept, reply);
    return this.answer(request, organizationId, reply, await prepare());
  }

  /**
   * The same for work that takes transactions of its own, one after the other, so that nobody waits for all of it. It
   * must be harmless when it is done twice: two requests of the same name that come at once both do it, and get the
   * answer of the one that has ended first.
   * @throws {Problem} `idempotency_conflict`, `idempotency_key_reused`, and what the work throws
   */
  async answerWork<Body extends object>(
    request: IdempotentRequest,
    organizationId: string,
    reply: FastifyReply,
    work: () => Promise<Body>,
  ): Promise<Body | SerializedReply> {
    if (request.key === null) return work();
    return this.answerPrepared(request, organizationId, reply, async () => {
      const body = await work();
      return () => Promise.resolve({ body });
    });
  }

  private async kept(claim: Claim | null): Promise<StoredAnswer | null> {
    if (claim === null) return null;
    return this.database.inOrganization(claim.owner.organizationId, (manager) =>
      this.records.kept(manager, claim, new Date()),
    );
  }

  private async effectAlone<Body extends object>(
    organizationId: string | null,
    reply: FastifyReply,
    effect: Effect<Body>,
  ): Promise<Body> {
    const { body, version, committed } = await this.inTransaction(organizationId, effect);
    await finish(committed, reply);
    if (version !== undefined) showVersion(reply, version);
    return body;
  }

  private inTransaction<T>(organizationId: string | null, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    if (organizationId === null) return this.database.outsideOrganizations(work);
    return this.database.inOrganization(organizationId, work);
  }
}

function replay(answer: StoredAnswer, reply: FastifyReply): SerializedReply {
  void reply.code(answer.status).headers(answer.headers).header('idempotency-replayed', 'true');
  return new SerializedReply(answer.body);
}

async function finish(committed: EffectResult<object>['committed'], reply: FastifyReply): Promise<void> {
  const status = await committed?.();
  if (typeof status === 'number') void reply.code(status);
}

function claimOf(request: IdempotentRequest, { request: raw }: FastifyReply): Claim | null {
  const { key } = request;
  if (key === null) return null;
  const principal = attachedPrincipal(raw);
  if (principal === null) throw new Error('a request whose answer is kept needs a guard that finds out who asks');
  // A person who belongs to no organisation acts in none, and the header then names none either.
  const organizationId = principal.organizationId ?? organizationIdOf(raw);
  return { owner: { organizationId, principal }, request: { ...request, key } };
}

function answerOf<Body extends object>(
  { body, version }: EffectResult<Body>,
  request: IdempotentRequest,
  reply: FastifyReply,
): StoredAnswer {
  const headers: Record<string, string> = version === undefined ? {} : { etag: entityTagOf(version) };
  return { status: reply.statusCode, headers, body: request.serialize(body) };
}
