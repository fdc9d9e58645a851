import { randomUUID } from 'node:crypto';
import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Res,
  UseGuards,
} from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import {
  Idempotent,
  IfMatch,
  listOf,
  OrganizationId,
  Problem,
  showVersion,
  type IdempotentRequest,
  type Precondition,
  type SerializedReply,
} from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, ShowsVersion, Tag } from '@tollgate/openapi';
import { SEALING, type Sealing } from '@tollgate/sealing';
import type { FastifyReply } from 'fastify';
import { Owners } from '../owners/owners.js';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { newWebhookSecret, sealedForWebhook } from './webhook-secret.js';
import { WebhookStore } from './webhook-store.js';
import { readWebhookUrl } from './webhook-url.js';
import {
  deletedWebhookReply,
  webhookListReply,
  webhookObject,
  webhookReply,
  webhookWithSecretReply,
  type WebhookList,
  type WebhookObject,
  type WebhookWithSecret,
} from './webhook.reply.js';
import { editedWebhook, rotatedWebhook, WEBHOOKS_MAX, type Webhook } from './webhook.js';
import {
  createWebhookRequest,
  listWebhooksRequest,
  rotateWebhookRequest,
  updateWebhookRequest,
  WEBHOOK_PAGES,
  webhookPath,
  type CreateWebhookRequest,
  type ListWebhooksRequest,
  type RotateWebhookRequest,
  type UpdateWebhookRequest,
  type WebhookPath,
} from './webhooks.request.js';

/** The addresses that an organisation has its events sent to. */
@Tag('Webhooks')
@Controller('v1/webhooks')
@UseGuards(PrincipalGuard)
export class WebhooksController {
  constructor(
    private readonly store: WebhookStore,
    private readonly owners: Owners,
    private readonly idempotency: Idempotency,
    @Inject(SEALING) private readonly sealing: Pick<Sealing, 'seal'>,
    @Inject(USAGE_BILLING_SETTINGS) private readonly settings: UsageBillingSettings,
  ) {}

  @Post()
  @Operation({
    id: 'createWebhook',
    summary: 'Make a webhook',
    description:
      'Its messages are signed as Standard Webhooks says, with the secret that only this reply shows. What is sent, and how to verify it, is in docs/webhooks.md.',
  })
  @ShowsVersion()
  @Refuses('webhook_limit_reached', 'organization_not_found')
  @Replies(webhookWithSecretReply, { 201: 'The webhook with its secret.' })
  async create(
    @OrganizationId() organizationId: string,
    @Body({ schema: createWebhookRequest }) { url: asked, events, description }: CreateWebhookRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookWithSecret | SerializedReply> {
    const url = this.addressOf(asked);
    await this.owners.ofOrganization({ organizationId });
    return this.idempotency.answer(request, organizationId, reply, async (manager) => {
      const id = randomUUID();
      const secret = newWebhookSecret();
      const now = new Date();
      const webhook: Webhook = {
        organizationId,
        id,
        url,
        events,
        description: description === '' ? null : description,
        secret: this.sealing.seal(secret, sealedForWebhook(organizationId, id)),
        formerSecret: null,
        disabled: null,
        createdAt: now,
        version: 1,
      };
      if (!(await this.store.insert(manager, webhook, actor)))
        throw new Problem('webhook_limit_reached', { detail: `An organisation has at most ${WEBHOOKS_MAX} webhooks.` });
      return this.withSecret(webhook, secret, now);
    });
  }

  @Get()
  @Operation({ id: 'listWebhooks', summary: 'List webhooks', description: 'Newest first, without their secrets.' })
  @Replies(webhookListReply, { 200: 'One page of webhooks.' })
  async list(
    @OrganizationId() organizationId: string,
    @Query({ schema: listWebhooksRequest }) { limit, cursor }: ListWebhooksRequest,
  ): Promise<WebhookList> {
    const asked = { organizationId };
    const listed = await this.store.list(organizationId, limit + 1, WEBHOOK_PAGES.positionOf(cursor, asked));
    const page = WEBHOOK_PAGES.page(listed, limit, asked, ({ position: [createdAt, id] }) => [createdAt, id]);
    return listOf(page, ({ webhook }) => webhookObject(webhook, new Date()));
  }

  @Get(':id')
  @Operation({ id: 'getWebhook', summary: 'Show a webhook', description: 'Without its secret.' })
  @ShowsVersion()
  @Replies(webhookReply, { 200: 'The webhook.' })
  async one(
    @OrganizationId() organizationId: string,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookObject> {
    return shown(await this.store.find(organizationId, id), reply);
  }

  @Patch(':id')
  @Operation({
    id: 'updateWebhook',
    summary: 'Change a webhook',
    description: 'What is left out stays as it is. What waits for a webhook that is switched off is given up.',
  })
  @ShowsVersion()
  @Replies(webhookReply, { 200: 'The webhook as it is now.' })
  async update(
    @OrganizationId() organizationId: string,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Body({ schema: updateWebhookRequest }) edit: UpdateWebhookRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookObject> {
    const url = edit.url === undefined ? {} : { url: this.addressOf(edit.url) };
    const changed = await this.store.change(organizationId, id, { actor, act: 'updated' }, (webhook) => {
      precondition.holdsFor(webhook.version);
      const description = edit.description === '' ? { description: null } : {};
      return editedWebhook(webhook, { ...edit, ...url, ...description }, new Date());
    });
    return shown(changed, reply);
  }

  @Delete(':id')
  @Operation({
    id: 'deleteWebhook',
    summary: 'Delete a webhook',
    description: 'For good, with the list of what it was sent. What waits for it is not sent any more.',
  })
  @Replies(deletedWebhookReply, { 200: 'The webhook is deleted.' })
  async delete(
    @OrganizationId() organizationId: string,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
  ): Promise<WebhookObject & { deleted: true }> {
    const allow = ({ version }: Webhook): void => precondition.holdsFor(version);
    const webhook = await this.store.delete(organizationId, id, actor, allow);
    if (webhook === null) throw new Problem('webhook_not_found');
    return { ...webhookObject(webhook, new Date()), deleted: true };
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @Operation({
    id: 'rotateWebhook',
    summary: 'Give a webhook a new secret',
    description:
      'For a grace period messages are signed with both, so that the receiver can be changed meanwhile. Within it a second rotation is refused with 409, since it would end the former secret; with `grace_period_seconds` 0 it ends both at once.',
  })
  @ShowsVersion()
  @Refuses('webhook_rotation_open')
  @Replies(webhookWithSecretReply, { 200: 'The webhook with its new secret.' })
  async rotate(
    @OrganizationId() organizationId: string,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Body({ schema: rotateWebhookRequest }) { grace_period_seconds: grace }: RotateWebhookRequest,
    @IfMatch() precondition: Precondition,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookWithSecret | SerializedReply> {
    return this.idempotency.answer(request, organizationId, reply, async (manager) => {
      const secret = newWebhookSecret();
      const now = new Date();
      const change = { actor, act: 'rotated' } as const;
      const rotated = await this.store.changeIn(manager, organizationId, id, change, (webhook) => {
        precondition.holdsFor(webhook.version);
        const sealed = this.sealing.seal(secret, sealedForWebhook(organizationId, id));
        const next = rotatedWebhook(webhook, sealed, new Date(now.getTime() + grace * 1_000), now);
        if (next === null) throw new Problem('webhook_rotation_open');
        return next;
      });
      if (rotated === null) throw new Problem('webhook_not_found');
      return this.withSecret(rotated, secret, now);
    });
  }

  /** What a request has come to that made a secret. */
  private withSecret(webhook: Webhook, secret: string, now: Date) {
    const body: WebhookWithSecret = { ...webhookObject(webhook, now), secret };
    return { body, version: webhook.version, committed: () => this.store.announced() };
  }

  /** @throws {Problem} `invalid_request` that names the field `url`, and never says where a name leads to */
  private addressOf(text: string): string {
    const read = readWebhookUrl(text, this.settings.webhooksPrivateNetwork ?? false);
    if (read.kind === 'fault')
      throw new Problem('invalid_request', { errors: [{ path: 'url', message: read.message }] });
    return read.url;
  }
}

function shown(webhook: Webhook | null, reply: FastifyReply): WebhookObject {
  if (webhook === null) throw new Problem('webhook_not_found');
  showVersion(reply, webhook.version);
  return webhookObject(webhook, new Date());
}
