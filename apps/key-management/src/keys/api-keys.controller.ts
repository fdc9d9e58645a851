import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import {
  Idempotent,
  IfMatch,
  OrganizationId,
  Problem,
  showVersion,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { ChangedKeyReplies } from './api-key/changed-key-replies.js';
import { KeyMakers } from './api-key/key-makers.js';
import { keyObject, NOTHING_SPENT } from './api-key/key-object.js';
import {
  createdKeyReply,
  deletedKeyReply,
  keyListReply,
  keyReply,
  type KeyList,
  type KeyObject,
} from './api-key/key.reply.js';
import { CreateKey } from './create-key/create-key.js';
import { createKeyRequest, type CreateKeyRequest } from './create-key/create-key.request.js';
import { withCreditUsed } from './key-use/credit-used.js';
import { ListKeys } from './list-keys/list-keys.js';
import { listKeysRequest, searchKeysRequest, type ListKeysRequest } from './list-keys/list-keys.request.js';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { apiKeyPath, type ApiKeyPath } from './api-key.path.js';
import { RevokeKey } from './revoke-key/revoke-key.js';
import { UpdateKey } from './update-key/update-key.js';
import { updateKeyRequest, type UpdateKeyRequest } from './update-key/update-key.request.js';

const ENDED = {
  200: 'The key has ended, and every gateway knows.',
  202: 'The key has ended; some gateways did not know within 2 s, and are still being told.',
};

/**
 * The admin API of the keys of one organisation, which `x-organization-id` names. A caller with the admin secret is the
 * actor `admin`.
 */
@Tag('API keys')
@Controller('v1/api-keys')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class ApiKeysController {
  constructor(
    private readonly createKey: CreateKey,
    private readonly listKeys: ListKeys,
    private readonly revokeKey: RevokeKey,
    private readonly updateKey: UpdateKey,
    private readonly idempotency: Idempotency,
    private readonly makers: KeyMakers,
    private readonly replies: ChangedKeyReplies,
  ) {}

  /** Answers 201 with the secret. No later reply shows it, and no cache keeps it: every reply is marked no-store. */
  @Post()
  @Operation({
    id: 'createApiKey',
    summary: 'Make a key',
    description: 'The reply has the secret, and no later one shows it. Everything but the name may be left out.',
  })
  @ShowsVersion()
  @Replies(createdKeyReply, { 201: 'The key with its secret.' })
  async create(
    @OrganizationId() organizationId: string,
    @Body({ schema: createKeyRequest }) body: CreateKeyRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<(KeyObject & { secret: string }) | SerializedReply> {
    // Before an earlier answer is given again: the maker may have lost a role since.
    const above = this.createKey.scopesAboveMaker(body, actor);
    if (above.length > 0)
      throw new Problem('access_denied', { detail: `You may not give a key the scope ${above.join(', ')}.` });
    return this.idempotency.answer(request, organizationId, reply, async (manager) => {
      const now = new Date();
      const result = await this.createKey.execute(manager, organizationId, body, actor, now);
      if (result.kind === 'invalid') throw new Problem('invalid_request', { errors: result.errors });
      const { id } = result.key;
      const createdBy = (await this.makers.ofIn(manager, organizationId, [id])).get(id) ?? null;
      return {
        body: { ...keyObject(result.key, NOTHING_SPENT, now, createdBy), secret: result.secret.reveal() },
        version: result.key.version,
        committed: () => this.createKey.announced(result.written),
      };
    });
  }

  @Get()
  @Operation({
    id: 'listApiKeys',
    summary: 'List keys',
    description:
      'Without deleted ones. All filters that are given must hold. A key that changes while its list is read, so that ' +
      'it stands elsewhere in the order, may come twice or not at all; all others come once.',
  })
  @Replies(keyListReply, { 200: 'One page of keys.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listKeysRequest }) request: ListKeysRequest,
  ): Promise<KeyList> {
    return this.listKeys.page(organizationId, request, 'query', new Date());
  }

  @Post('search')
  @HttpCode(200)
  @Operation({
    id: 'searchApiKeys',
    summary: 'Search for keys',
    description: 'The list, with its filters in the body: what is searched for stands in no address.',
  })
  @Replies(keyListReply, { 200: 'One page of keys.' })
  async search(
    @OrganizationId() organizationId: string,
    @Body({ schema: searchKeysRequest }) request: ListKeysRequest,
  ): Promise<KeyList> {
    return this.listKeys.page(organizationId, request, 'body', new Date());
  }

  @Get(':id')
  @Operation({ id: 'getApiKey', summary: 'Show a key' })
  @ShowsVersion()
  @Replies(keyReply, { 200: 'The key.' })
  async one(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject> {
    const found = await this.listKeys.one(organizationId, id, new Date());
    if (found === null) throw new Problem('api_key_not_found');
    showVersion(reply, found.key.version);
    return found.shown;
  }

  @Patch(':id')
  @Operation({
    id: 'updateApiKey',
    summary: 'Change a key',
    description:
      'What is left out stays as it is, null takes a setting away (RFC 7396). Gateways decide by the new settings within a ' +
      'second; calls under way end under those they began with. Of a revoked key only name and description can be changed.',
  })
  @ShowsVersion()
  @Refuses('api_key_ended', 'key_names_immutable', 'role_above_own')
  @Replies(keyReply, {
    200: 'The key as it is now, and every gateway knows.',
    202: 'The key as it is now; some gateways did not know within 2 s, and are still being told.',
  })
  async update(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @Body({ schema: updateKeyRequest }) body: UpdateKeyRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject> {
    const now = new Date();
    return this.replies.show(reply, {
      organizationId,
      id,
      now,
      change: this.updateKey
        .execute(organizationId, id, body, precondition, actor, now)
        .then((updated) => updated ?? Promise.reject(new Problem('api_key_not_found'))),
      spent: (known, { key, usedNanoUsd }) =>
        usedNanoUsd === null ? known : withCreditUsed(known ?? NOTHING_SPENT, key.creditReset, usedNanoUsd),
    });
  }

  /** Hides the key. Answers 200 when the tombstone is written, 202 if that takes more than 2 s and is still retried. */
  @Delete(':id')
  @Operation({
    id: 'deleteApiKey',
    summary: 'End a key and hide it',
    description:
      'For good, and out of all its groups. What it has spent stays in the ledger, its changes in the audit trail.',
  })
  @ShowsVersion()
  @Refuses('role_above_own')
  @Replies(deletedKeyReply, ENDED)
  async delete(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject & { deleted: true }> {
    return { ...(await this.end(organizationId, id, 'deleted', precondition, actor, reply)), deleted: true };
  }

  /** Revokes the key, which stays in lists as `revoked`. The answer is 200 or 202 as for `DELETE`. */
  @Post(':id/revoke')
  @Operation({ id: 'revokeApiKey', summary: 'End a key', description: 'For good; it stays in lists as `revoked`.' })
  @ShowsVersion()
  @Refuses('role_above_own')
  @Replies(keyReply, ENDED)
  async revoke(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject> {
    return this.end(organizationId, id, 'revoked', precondition, actor, reply);
  }

  private async end(
    organizationId: string,
    id: string,
    reason: 'revoked' | 'deleted',
    precondition: Precondition,
    actor: Actor,
    reply: FastifyReply,
  ): Promise<KeyObject> {
    const now = new Date();
    const change = this.revokeKey.execute(organizationId, id, reason, precondition, actor, now);
    return this.replies.show(reply, { organizationId, id, now, change });
  }
}
