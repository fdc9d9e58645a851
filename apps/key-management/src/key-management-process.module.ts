import { Module, type DynamicModule } from '@nestjs/common';
import { KeyManagementHttpModule } from './internal-api/internal-http.module.js';
import { KeyManagementModule } from './key-management.module.js';
import { distributedPorts, type KeyManagementPorts } from './ports.js';

/** key-management in a process of its own: the service, its internal API over HTTP, and its ports. */
@Module({ imports: [KeyManagementModule, KeyManagementHttpModule] })
export class KeyManagementProcessModule {
  static with(ports: KeyManagementPorts): DynamicModule {
    return { module: KeyManagementProcessModule, imports: [distributedPorts(ports)] };
  }
}
