export { ForgetAnswers } from './forget-answers.js';
export { Idempotency, type Effect } from './idempotency.js';
export type { IdempotencyDatabase } from './idempotency-database.js';
export { idempotencyProviders } from './idempotency-providers.js';
export { IdempotencyRecords, sealedAnswers, type Claim, type StoredAnswer } from './idempotency-records.js';
