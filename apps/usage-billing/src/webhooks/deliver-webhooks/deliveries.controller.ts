import { randomUUID } from 'node:crypto';
import { Controller, Get, HttpCode, Param, Post, Query, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { listOf, OrganizationId, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { TEST_EVENT } from '../webhook-events.js';
import { WebhookStore } from '../webhook-store.js';
import {
  deliveryListReply,
  deliveryObject,
  deliveryReply,
  type DeliveryList,
  type DeliveryObject,
} from '../webhook.reply.js';
import type { Webhook } from '../webhook.js';
import {
  DELIVERY_PAGES,
  deliveryPath,
  listDeliveriesRequest,
  webhookPath,
  type DeliveryPath,
  type ListDeliveriesRequest,
  type WebhookPath,
} from '../webhooks.request.js';
import { DELIVERY_LEASE_MS, DeliverWebhooks } from './deliver-webhooks.js';
import { DeliveryStore } from './delivery-store.js';

/** What a webhook was sent, and sending it something now. */
@Tag('Webhooks')
@Controller('v1/webhooks/:id')
@UseGuards(PrincipalGuard)
export class DeliveriesController {
  constructor(
    private readonly webhooks: WebhookStore,
    private readonly deliveries: DeliveryStore,
    private readonly deliverWebhooks: DeliverWebhooks,
  ) {}

  @Post('test')
  @HttpCode(200)
  @Operation({
    id: 'testWebhook',
    summary: 'Send a webhook a test',
    description:
      'One message of the type `webhook.test`, in one attempt of 10 s at most; the reply says what came of it. It passes the checks of all others.',
  })
  @Refuses('conflict')
  @Replies(deliveryReply, { 200: 'What came of the attempt.' })
  async test(
    @OrganizationId() organizationId: string,
    @Param({ schema: webhookPath }) { id: webhookId }: WebhookPath,
    @CurrentActor() actor: Actor,
  ): Promise<DeliveryObject> {
    const webhook = await this.enabled(organizationId, webhookId);
    const now = new Date();
    const id = randomUUID();
    const notice = {
      noticeId: id,
      organizationId,
      type: TEST_EVENT,
      occurredAt: now.toISOString(),
      data: { organization_id: organizationId, webhook_id: webhookId },
    };
    const due = await this.deliveries.addTaken({ webhook, id }, notice, actor, now, DELIVERY_LEASE_MS);
    if (due === null) throw new Problem('webhook_not_found');
    await this.deliverWebhooks.attempt(due);
    const delivery = await this.deliveries.find(organizationId, webhookId, id);
    if (delivery === null) throw new Problem('webhook_not_found');
    return deliveryObject(delivery);
  }

  @Get('deliveries')
  @Operation({
    id: 'listWebhookDeliveries',
    summary: 'List what a webhook was sent',
    description: 'Newest first, of the last 30 days. Nothing of what the receiver answered is kept but the status.',
  })
  @Replies(deliveryListReply, { 200: 'One page of deliveries.' })
  async list(
    @OrganizationId() organizationId: string,
    @Param({ schema: webhookPath }) { id }: WebhookPath,
    @Query({ schema: listDeliveriesRequest }) { limit, cursor, state }: ListDeliveriesRequest,
  ): Promise<DeliveryList> {
    const asked = { organizationId, filters: { webhook: id, state } };
    const after = DELIVERY_PAGES.positionOf(cursor, asked);
    if ((await this.webhooks.find(organizationId, id)) === null) throw new Problem('webhook_not_found');
    const listed = await this.deliveries.list(organizationId, id, limit + 1, after, state ?? null);
    const page = DELIVERY_PAGES.page(listed, limit, asked, ({ position: [createdAt, at] }) => [createdAt, at]);
    return listOf(page, ({ delivery }) => deliveryObject(delivery));
  }

  @Post('deliveries/:delivery/replay')
  @HttpCode(202)
  @Operation({
    id: 'replayWebhookDelivery',
    summary: 'Send a message again',
    description:
      'The same message with the same `webhook-id`, at once and for another day, whatever came of it before: a receiver that had it knows it again.',
  })
  @Refuses('conflict', 'webhook_not_found')
  @Replies(deliveryReply, { 202: 'It is due, and `deliveries` will say what came of it.' })
  async replay(
    @OrganizationId() organizationId: string,
    @Param({ schema: deliveryPath }) { id, delivery }: DeliveryPath,
    @CurrentActor() actor: Actor,
  ): Promise<DeliveryObject> {
    const webhook = await this.enabled(organizationId, id);
    const replayed = await this.deliveries.replay({ webhook, id: delivery }, actor, new Date());
    if (replayed === null) throw new Problem('webhook_delivery_not_found');
    this.deliverWebhooks.wake();
    return deliveryObject(replayed);
  }

  private async enabled(organizationId: string, id: string): Promise<Webhook> {
    const webhook = await this.webhooks.find(organizationId, id);
    if (webhook === null) throw new Problem('webhook_not_found');
    if (webhook.disabled !== null)
      throw new Problem('conflict', { detail: 'The webhook is switched off: PATCH it with enabled: true first.' });
    return webhook;
  }
}
