import { Body, Controller, Param, Post, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import {
  Idempotent,
  IfMatch,
  OrganizationId,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { OrganizationGuard } from '../../organizations/organization.guard.js';
import { apiKeyPath, type ApiKeyPath } from '../api-key.path.js';
import { ChangedKeyReplies } from '../api-key/changed-key-replies.js';
import { KeyMakers } from '../api-key/key-makers.js';
import { keyObject, withSecretUses } from '../api-key/key-object.js';
import { KeyUseStore } from '../key-use/key-use-store.js';
import { createdKeyReply, keyReply, type KeyObject } from '../api-key/key.reply.js';
import { KeySpendingLookup } from '../list-keys/key-spending.js';
import { RotateKey } from './rotate-key.js';
import { rotateKeyRequest, type RotateKeyRequest } from './rotate-key.request.js';

/** The rotation of keys: a new secret, while callers can use the one before for some time. */
@Tag('API keys')
@Controller('v1/api-keys')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class RotateKeyController {
  constructor(
    private readonly rotateKey: RotateKey,
    private readonly spending: KeySpendingLookup,
    private readonly idempotency: Idempotency,
    private readonly makers: KeyMakers,
    private readonly replies: ChangedKeyReplies,
    private readonly uses: KeyUseStore,
  ) {}

  /** Answers with the new secret, which no later reply shows. */
  @Post(':id/rotate')
  @Operation({
    id: 'rotateApiKey',
    summary: 'Give a key a new secret',
    description:
      'Id, limits, credit and history stay. The secret before can be used until its grace period ends, until ' +
      '`finish-rotation`, or until it has been idle for as long as you say, and never longer than the key.',
  })
  @ShowsVersion()
  @Refuses('api_key_ended', 'rotation_open')
  @Replies(createdKeyReply, {
    200: 'The key with its new secret.',
    202: 'The same; some gateways did not hear of it within 2 s, and are still being told.',
  })
  async rotate(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @Body({ schema: rotateKeyRequest }) body: RotateKeyRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<(KeyObject & { secret: string }) | SerializedReply> {
    const now = new Date();
    await this.rotateKey.demandMayRotate(organizationId, id, actor, now);
    // Before the transaction: on the embedded Postgres there is one connection, and no call waits inside of it.
    const spending = (await this.spending.of(organizationId, [id])).get(id) ?? null;
    const uses = await this.uses.ofSecrets(organizationId, id);
    return this.idempotency.answer(request, organizationId, reply, async (manager) => {
      const { key, secret, written } = await this.rotateKey.execute(
        manager,
        organizationId,
        id,
        body,
        precondition,
        actor,
        now,
      );
      const createdBy = (await this.makers.ofIn(manager, organizationId, [id])).get(id) ?? null;
      return {
        body: { ...withSecretUses(keyObject(key, spending, now, createdBy), uses), secret: secret.reveal() },
        version: key.version,
        committed: async () => ((await this.rotateKey.announced(written)) ? undefined : 202),
      };
    });
  }

  /** Ends the secrets before the present one. Answers 200 when gateways know, 202 if that takes more than 2 s. */
  @Post(':id/finish-rotation')
  @Operation({
    id: 'finishApiKeyRotation',
    summary: 'End the secret before at once',
    description: 'The present secret stays. Calls that were forwarded already finish. It may be repeated.',
  })
  @ShowsVersion()
  @Refuses('api_key_ended', 'role_above_own')
  @Replies(keyReply, {
    200: 'The key; every gateway refuses its secrets but the present one.',
    202: 'The same; some gateways did not know within 2 s, and are still being told.',
  })
  async finish(
    @OrganizationId() organizationId: string,
    @Param({ schema: apiKeyPath }) { id }: ApiKeyPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject> {
    const now = new Date();
    const change = this.rotateKey.finish(organizationId, id, precondition, actor, now);
    const [shown, uses] = await Promise.all([
      this.replies.show(reply, { organizationId, id, now, change }),
      this.uses.ofSecrets(organizationId, id),
    ]);
    return withSecretUses(shown, uses);
  }
}
