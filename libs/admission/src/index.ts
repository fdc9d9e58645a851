export type { Admission, AdmissionLedger, Announcement, BookedSettle, EpochOpening } from './port.js';
export { MemoryAdmission } from './memory-admission.js';
export { RedisAdmission } from './redis-admission.js';
export { RedisAdmissionLedger } from './redis-ledger.js';
