import { Module, type DynamicModule } from '@nestjs/common';
import { UsageBillingHttpModule } from './internal-api/internal-http.module.js';
import { distributedPorts, type UsageBillingPorts } from './ports.js';
import { UsageBillingModule } from './usage-billing.module.js';

/** usage-billing in a process of its own: the service, its internal API over HTTP, and its ports. */
@Module({ imports: [UsageBillingModule, UsageBillingHttpModule] })
export class UsageBillingProcessModule {
  static with(ports: UsageBillingPorts): DynamicModule {
    return { module: UsageBillingProcessModule, imports: [distributedPorts(ports)] };
  }
}
