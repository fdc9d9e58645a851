import { Inject, Module } from '@nestjs/common';
import { METRICS_REGISTRY, type Registry } from '@tollgate/telemetry';
import { BillingAuditModule } from '../audit/audit.module.js';
import { BillingIdempotencyModule } from '../idempotency/idempotency.module.js';
import { registerWebhookGauges } from '../metrics.js';
import { OwnersModule } from '../owners/owners.module.js';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '../ports.js';
import { BillingStoreModule } from '../store/store.module.js';
import { DeliverNoticesController } from './deliver-notices.controller.js';
import { DeliverWebhooks } from './deliver-webhooks/deliver-webhooks.js';
import { DeliveriesController } from './deliver-webhooks/deliveries.controller.js';
import { DeliveryStore } from './deliver-webhooks/delivery-store.js';
import { WebhookHttp } from './deliver-webhooks/post-webhook.js';
import { ForgetDeliveries } from './forget-deliveries.js';
import { WebhookStore } from './webhook-store.js';
import { WebhooksController } from './webhooks.controller.js';

/** Tells the webhooks of organisations what happens in them. */
@Module({
  imports: [BillingAuditModule, BillingIdempotencyModule, BillingStoreModule, OwnersModule],
  controllers: [WebhooksController, DeliveriesController, DeliverNoticesController],
  providers: [
    DeliverWebhooks,
    DeliveryStore,
    ForgetDeliveries,
    WebhookStore,
    {
      provide: WebhookHttp,
      useFactory: ({ webhooksPrivateNetwork = false }: UsageBillingSettings): WebhookHttp =>
        new WebhookHttp({ allowPrivateNetwork: webhooksPrivateNetwork }),
      inject: [USAGE_BILLING_SETTINGS],
    },
  ],
  exports: [DeliverWebhooks, DeliveryStore],
})
export class WebhooksModule {
  constructor(@Inject(METRICS_REGISTRY) registry: Registry, deliveries: DeliveryStore) {
    registerWebhookGauges(registry, () => deliveries.waiting());
  }
}
