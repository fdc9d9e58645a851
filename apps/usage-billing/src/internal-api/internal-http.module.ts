import { Module, type DynamicModule } from '@nestjs/common';
import { guardHeads, SERVICE_SECRET, ServiceGuard } from '@tollgate/http';
import { InternalController } from './usage-billing-internal.controller.js';

/** The internal API over HTTP, beside the `UsageBillingModule` given; for a process of its own only. */
@Module({})
export class UsageBillingInternalModule {
  static register(usageBilling: DynamicModule, serviceSecret: string): DynamicModule {
    return {
      module: UsageBillingInternalModule,
      imports: [usageBilling],
      controllers: [InternalController],
      providers: [{ provide: SERVICE_SECRET, useValue: serviceSecret }, ...guardHeads('/internal', ServiceGuard)],
    };
  }
}
