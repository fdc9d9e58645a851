import { Module } from '@nestjs/common';
import { Idempotency, idempotencyProviders } from '@tollgate/idempotency';
import { ServiceDatabase } from '@tollgate/postgres';
import { KeyStoreModule } from '../store/store.module.js';

/** Requests that create something have their effect once, however often they come. */
@Module({
  imports: [KeyStoreModule],
  providers: idempotencyProviders(ServiceDatabase),
  exports: [Idempotency],
})
export class IdempotencyModule {}
