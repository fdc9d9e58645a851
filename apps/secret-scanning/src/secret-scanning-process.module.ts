import { Module, type DynamicModule } from '@nestjs/common';
import { distributedPorts, type SecretScanningPorts } from './ports.js';
import { SecretScanningModule } from './secret-scanning.module.js';

/** secret-scanning in a process of its own: the service and its ports. It has no internal API. */
@Module({ imports: [SecretScanningModule] })
export class SecretScanningProcessModule {
  static with(ports: SecretScanningPorts): DynamicModule {
    return { module: SecretScanningProcessModule, imports: [distributedPorts(ports)] };
  }
}
