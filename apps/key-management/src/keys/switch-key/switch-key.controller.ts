import { Controller, HttpCode, Param, Post, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { IfMatch, OrganizationId, type Precondition } from '@tollgate/http';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { OrganizationGuard } from '../../organizations/organization.guard.js';
import { apiKeyPath, type ApiKeyPath } from '../api-key.path.js';
import { ChangedKeyReplies } from '../api-key/changed-key-replies.js';
import { keyReply, type KeyObject } from '../api-key/key.reply.js';
import { SwitchKey } from './switch-key.js';

/** Keys that are switched off, and on again. */
@Tag('API keys')
@Controller('v1/api-keys')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class SwitchKeyController {
  constructor(
    private readonly switchKey: SwitchKey,
    private readonly replies: ChangedKeyReplies,
  ) {}

  /** Answers 200 when the tombstone is written, 202 if that takes more than 2 s and is still retried. */
  @Post(':id/disable')
  @HttpCode(200)
  @Operation({
    id: 'disableApiKey',
    summary: 'Switch a key off',
    description: 'Gateways refuse it like a revoked one until it is enabled. Requests that were forwarded finish.',
  })
  @ShowsVersion()
  @Refuses('api_key_ended', 'role_above_own')
  @Replies(keyReply, {
    200: 'The key is disabled, and every gateway knows.',
    202: 'The key is disabled; some gateways did not know within 2 s, and are still being told.',
  })
  async disable(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject> {
    return this.to('disabled', organizationId, id, precondition, actor, reply);
  }

  @Post(':id/enable')
  @HttpCode(200)
  @Operation({
    id: 'enableApiKey',
    summary: 'Switch a key on again',
    description: 'With all its settings, those that were changed meanwhile too. A key that has expired stays so.',
  })
  @ShowsVersion()
  @Refuses('api_key_ended', 'role_above_own')
  @Replies(keyReply, {
    200: 'The key is enabled, and every gateway knows.',
    202: 'The key is enabled; some gateways did not know within 2 s, and are still being told.',
  })
  async enable(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject> {
    return this.to('enabled', organizationId, id, precondition, actor, reply);
  }

  private async to(
    change: 'disabled' | 'enabled',
    organizationId: string,
    id: string,
    precondition: Precondition,
    actor: Actor,
    reply: FastifyReply,
  ): Promise<KeyObject> {
    const now = new Date();
    return this.replies.show(reply, {
      organizationId,
      id,
      now,
      change: this.switchKey.execute(organizationId, id, change, precondition, actor, now),
    });
  }
}
