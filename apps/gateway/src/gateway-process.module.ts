import { Module, type DynamicModule } from '@nestjs/common';
import { KEY_MANAGEMENT_API, USAGE_BILLING_API } from '@tollgate/contracts';
import { PortsModule } from '@tollgate/service';
import type { GatewayPorts } from './gateway.js';
import { GatewayModule } from './gateway.module.js';

/** The module of a gateway in its own process. It asks the other services over HTTP. */
@Module({})
export class GatewayProcessModule {
  static with({ keyManagement, usageBilling, ...ports }: GatewayPorts): DynamicModule {
    const apis = PortsModule.of([
      { provide: KEY_MANAGEMENT_API, useValue: keyManagement },
      { provide: USAGE_BILLING_API, useValue: usageBilling },
    ]);
    return { module: GatewayProcessModule, imports: [apis, GatewayModule.with(ports)] };
  }
}
