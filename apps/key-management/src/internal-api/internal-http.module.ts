import { Module, type DynamicModule } from '@nestjs/common';
import { pepperId } from '@tollgate/api-key';
import { guardHeads, SERVICE_SECRET, ServiceGuard } from '@tollgate/http';
import type { Logger } from '@tollgate/telemetry';
import { InternalController } from './key-management-internal.controller.js';
import { OUR_PEPPER, type OurPepper } from './same-pepper.guard.js';

export interface InternalPorts {
  readonly serviceSecret: string;
  readonly pepper: string;
  readonly logger: Logger;
}

/** The internal API over HTTP, beside the `KeyManagementModule` given; for a process of its own only. */
@Module({})
export class KeyManagementInternalModule {
  static register(keyManagement: DynamicModule, { serviceSecret, pepper, logger }: InternalPorts): DynamicModule {
    return {
      module: KeyManagementInternalModule,
      imports: [keyManagement],
      controllers: [InternalController],
      providers: [
        { provide: SERVICE_SECRET, useValue: serviceSecret },
        { provide: OUR_PEPPER, useValue: { id: pepperId(pepper), logger } satisfies OurPepper },
        ...guardHeads('/internal', ServiceGuard),
      ],
    };
  }
}
