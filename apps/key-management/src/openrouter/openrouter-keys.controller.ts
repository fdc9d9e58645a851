import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res, UseGuards } from '@nestjs/common';
import { idOfHash } from '@tollgate/api-key';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { NO_PRECONDITION, OrganizationId, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { RevokeKey } from '../keys/revoke-key/revoke-key.js';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { inTheirWords } from './in-their-words.js';
import { keyHashPath, type KeyHashPath } from './key-hash-path.js';
import {
  createdOpenRouterKeyReply,
  deletedOpenRouterKeyReply,
  openRouterKeyReply,
  openRouterKeysReply,
} from './openrouter-key.reply.js';
import {
  createOpenRouterKeyRequest,
  listOpenRouterKeysRequest,
  PAGE_KEYS,
  updateOpenRouterKeyRequest,
  type CreateOpenRouterKeyRequest,
  type ListOpenRouterKeysRequest,
  type UpdateOpenRouterKeyRequest,
} from './openrouter-keys.request.js';
import { OpenRouterKeys } from './openrouter-keys.js';

/** Keys of one organisation, as clients of OpenRouter manage them. */
@Tag('OpenRouter')
@Controller('api/v1/keys')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class OpenRouterKeysController {
  constructor(
    private readonly keys: OpenRouterKeys,
    private readonly revokeKey: RevokeKey,
  ) {}

  @Get()
  @Operation({
    id: 'listOpenRouterKeys',
    summary: 'List keys, as at OpenRouter',
    description: `Newest first, ${PAGE_KEYS} on a page. Project keys are not among them.`,
  })
  @Replies(openRouterKeysReply, { 200: 'One page of keys.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listOpenRouterKeysRequest }) request: ListOpenRouterKeysRequest,
  ) {
    return { data: await this.keys.list(organizationId, request, new Date()) };
  }

  @Post()
  @Operation({
    id: 'createOpenRouterKey',
    summary: 'Make a key, as at OpenRouter',
    description: 'It opens inference and nothing else. The reply has the secret, and no later one shows it.',
  })
  @Replies(createdOpenRouterKeyReply, { 201: 'The key with its secret.' })
  async create(
    @OrganizationId() organizationId: string,
    @Body({ schema: createOpenRouterKeyRequest }) body: CreateOpenRouterKeyRequest,
    @CurrentActor() actor: Actor,
  ) {
    return inTheirWords(() => this.keys.create(organizationId, body, actor, new Date()));
  }

  @Get(':hash')
  @Operation({ id: 'getOpenRouterKey', summary: 'Show a key, as at OpenRouter' })
  @Replies(openRouterKeyReply, { 200: 'The key.' })
  async one(@OrganizationId() organizationId: string, @Param({ schema: keyHashPath }) path: KeyHashPath) {
    return { data: await this.keys.one(organizationId, idIn(path), new Date()) };
  }

  @Patch(':hash')
  @Operation({
    id: 'updateOpenRouterKey',
    summary: 'Change a key, as at OpenRouter',
    description: 'What is left out stays as it is.',
  })
  @Refuses('api_key_ended')
  @Replies(openRouterKeyReply, { 200: 'The key as it is now.' })
  async update(
    @OrganizationId() organizationId: string,
    @Param({ schema: keyHashPath }) path: KeyHashPath,
    @Body({ schema: updateOpenRouterKeyRequest }) body: UpdateOpenRouterKeyRequest,
    @CurrentActor() actor: Actor,
  ) {
    return { data: await inTheirWords(() => this.keys.update(organizationId, idIn(path), body, actor, new Date())) };
  }

  @Delete(':hash')
  @Operation({
    id: 'deleteOpenRouterKey',
    summary: 'End a key and hide it, as at OpenRouter',
    description: 'For good.',
  })
  @Replies(deletedOpenRouterKeyReply, {
    200: 'The key has ended, and every gateway knows.',
    202: 'The key has ended; some gateways did not know within 2 s, and are still being told.',
  })
  async delete(
    @OrganizationId() organizationId: string,
    @Param({ schema: keyHashPath }) path: KeyHashPath,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { id } = await this.keys.keyOf(organizationId, idIn(path));
    const { everywhere } = await this.revokeKey.execute(
      organizationId,
      id,
      'deleted',
      NO_PRECONDITION,
      actor,
      new Date(),
    );
    if (!everywhere) void reply.code(202);
    return { deleted: true } as const;
  }
}

function idIn({ hash }: KeyHashPath): string {
  const id = idOfHash(hash);
  if (id === null) throw new Problem('api_key_not_found');
  return id;
}
