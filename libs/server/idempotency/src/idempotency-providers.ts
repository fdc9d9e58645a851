import type { InjectionToken, Provider } from '@nestjs/common';
import { ForgetAnswers } from './forget-answers.js';
import { IDEMPOTENCY_DATABASE } from './idempotency-database.js';
import { IdempotencyRecords } from './idempotency-records.js';
import { Idempotency } from './idempotency.js';

/**
 * The Nest providers of a service that answers requests once. `database` is the token of its `IdempotencyDatabase`.
 * Each service has a module of its own with them: in one process they keep their answers apart all the same.
 *
 * @example
 * @Module({
 *   imports: [KeyStoreModule],
 *   providers: idempotencyProviders(ServiceDatabase),
 *   exports: [Idempotency],
 * })
 * export class IdempotencyModule {}
 */
export const idempotencyProviders = (database: InjectionToken): Provider[] => [
  { provide: IDEMPOTENCY_DATABASE, useExisting: database },
  ForgetAnswers,
  Idempotency,
  IdempotencyRecords,
];
