export type { Admission, AdmissionLedger, Announcement, BookedSettle, EpochOpening } from './port.js';
export { RedisAdmission } from './redis-admission.js';
export { RedisAdmissionLedger } from './redis-ledger.js';
