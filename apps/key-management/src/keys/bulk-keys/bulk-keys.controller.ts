import { Body, Controller, HttpCode, Post, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { Idempotent, OrganizationId, type IdempotentRequest, type SerializedReply } from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { OrganizationGuard } from '../../organizations/organization.guard.js';
import { bulkKeysReply, type BulkResultObject } from './bulk-keys.reply.js';
import { bulkKeysRequest, type BulkKeysRequest } from './bulk-keys.request.js';
import { BulkKeys } from './bulk-keys.js';

/** What is done to many keys at once. */
@Tag('API keys')
@Controller('v1/api-keys')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class BulkKeysController {
  constructor(
    private readonly bulkKeys: BulkKeys,
    private readonly idempotency: Idempotency,
  ) {}

  /** Answers 200 when all snapshots are written, 202 if that takes more than 2 s and is still retried. */
  @Post('bulk')
  @HttpCode(200)
  @Operation({
    id: 'bulkApiKeys',
    summary: 'Do the same to many keys',
    description:
      'To the named ones, or to all that a filter leaves. It is done in pieces, and what is done stays done: the reply ' +
      'says of each key what has become of it. Each piece has one entry in the audit trail. An API key that is among ' +
      'its own keys comes last.',
  })
  @Refuses('group_not_found')
  @Replies(bulkKeysReply, {
    200: 'What has become of each key; every gateway knows.',
    202: 'What has become of each key; some gateways did not know within 2 s, and are still being told.',
  })
  async bulk(
    @OrganizationId() organizationId: string,
    @Body({ schema: bulkKeysRequest }) body: BulkKeysRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BulkResultObject | SerializedReply> {
    // Before an earlier answer is given again: who asks may have lost a role since.
    this.bulkKeys.demandPermission(body.action, actor, new Date());
    return this.idempotency.answerWork(request, organizationId, reply, async () => {
      const { shown, everywhere } = await this.bulkKeys.execute(organizationId, body, actor, new Date());
      if (!everywhere) void reply.code(202);
      return shown;
    });
  }
}
