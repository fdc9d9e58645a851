import { Module } from '@nestjs/common';
import { guardHeads, ServiceGuard } from '@tollgate/http';
import { KeyManagementInternalController } from './key-management-internal.controller.js';

/** `KEY_MANAGEMENT_API` over HTTP; for a process of its own only. */
@Module({
  controllers: [KeyManagementInternalController],
  providers: guardHeads('/internal', ServiceGuard),
})
export class KeyManagementHttpModule {}
