export {
  ADMISSION_BOOKS,
  type Admission,
  type AdmissionBooks,
  type Announcement,
  type BookedSettle,
  type EpochOpening,
  type UntoldRefusals,
} from './port.js';
export { MemoryAdmission } from './memory-admission.js';
export { RedisAdmission } from './redis-admission.js';
export { RedisAdmissionBooks } from './redis-books.js';
