import { Module, type DynamicModule } from '@nestjs/common';
import { GatewayModule, type OwnGatewayPorts } from '@tollgate/gateway';
import { KeyManagementModule } from '@tollgate/key-management';
import { SecretScanningModule } from '@tollgate/secret-scanning';
import { UsageBillingModule } from '@tollgate/usage-billing';
import { standalonePorts, type StandalonePorts } from './ports.js';

/** The four services in one application. They find each other by the tokens of their internal APIs. */
@Module({ imports: [KeyManagementModule, UsageBillingModule, SecretScanningModule] })
export class StandaloneModule {
  static with(ports: StandalonePorts, gateway: OwnGatewayPorts): DynamicModule {
    return { module: StandaloneModule, imports: [standalonePorts(ports), GatewayModule.with(gateway)] };
  }
}
