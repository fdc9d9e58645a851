import { Module } from '@nestjs/common';
import { KeyStoreModule } from '../store/store.module.js';
import { ForgetAnswers } from './forget-answers.js';
import { IdempotencyRecords } from './idempotency-records.js';
import { Idempotency } from './idempotency.js';

/** Requests that create something have their effect once, however often they come. */
@Module({
  imports: [KeyStoreModule],
  providers: [ForgetAnswers, Idempotency, IdempotencyRecords],
  exports: [ForgetAnswers, Idempotency],
})
export class IdempotencyModule {}
