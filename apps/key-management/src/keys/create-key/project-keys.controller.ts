import { Body, Controller, Param, Post, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { Idempotent, OrganizationId, Problem, type IdempotentRequest, type SerializedReply } from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { OrganizationGuard } from '../../organizations/organization.guard.js';
import { projectPath, type ProjectPath } from '../../projects/projects.request.js';
import { KeyMakers } from '../api-key/key-makers.js';
import { keyObject, NOTHING_SPENT } from '../api-key/key-object.js';
import { createdKeyReply, type KeyObject } from '../api-key/key.reply.js';
import { CreateKey } from './create-key.js';
import { createProjectKeyRequest, type CreateProjectKeyRequest } from './create-key.request.js';

/** The keys of projects: pairs for SDK calls, of which both halves are needed. */
@Tag('Projects')
@Controller('v1/projects')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class ProjectKeysController {
  constructor(
    private readonly createKey: CreateKey,
    private readonly idempotency: Idempotency,
    private readonly makers: KeyMakers,
  ) {}

  /** Answers 201 with the secret, which no later reply shows. */
  @Post(':id/api-keys')
  @Operation({
    id: 'createProjectApiKey',
    summary: 'Make a key of a project',
    description:
      'A pair of a public key, `pk-…`, and a secret, for SDK calls. It opens no inference. The reply has the secret, ' +
      'and no later one shows it. `GET /v1/api-keys` lists it with the keys of all kinds.',
  })
  @ShowsVersion()
  @Replies(createdKeyReply, { 201: 'The key with both its halves.' })
  async create(
    @OrganizationId() organizationId: string,
    @Param({ schema: projectPath }) { id: projectId }: ProjectPath,
    @Body({ schema: createProjectKeyRequest }) body: CreateProjectKeyRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<(KeyObject & { secret: string }) | SerializedReply> {
    return this.idempotency.answer(request, organizationId, reply, async (manager) => {
      const now = new Date();
      const result = await this.createKey.ofProject(manager, { organizationId, projectId }, body, actor, now);
      if (result.kind === 'invalid') throw new Problem('invalid_request', { errors: result.errors });
      const { key, secret, written } = result;
      const createdBy = (await this.makers.ofIn(manager, organizationId, [key.id])).get(key.id) ?? null;
      return {
        body: { ...keyObject(key, NOTHING_SPENT, now, createdBy), secret: secret.reveal() },
        version: key.version,
        committed: () => this.createKey.announced(written),
      };
    });
  }
}
