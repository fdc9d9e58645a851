import { Module, type DynamicModule } from '@nestjs/common';
import { guardHeads, SERVICE_SECRET, ServiceGuard } from '@tollgate/http';
import { InternalController } from './api/internal.controller.js';

/** The internal API over HTTP, beside the `KeyManagementModule` given; for a process of its own only. */
@Module({})
export class KeyManagementInternalModule {
  static register(keyManagement: DynamicModule, serviceSecret: string): DynamicModule {
    return {
      module: KeyManagementInternalModule,
      imports: [keyManagement],
      controllers: [InternalController],
      providers: [{ provide: SERVICE_SECRET, useValue: serviceSecret }, ...guardHeads('/internal', ServiceGuard)],
    };
  }
}
