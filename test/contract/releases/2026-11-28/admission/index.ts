export type { Admission, AdmissionBooks, Announcement, BookedSettle, EpochOpening } from './port.js';
export { RedisAdmission } from './redis-admission.js';
export { RedisAdmissionBooks } from './redis-books.js';
