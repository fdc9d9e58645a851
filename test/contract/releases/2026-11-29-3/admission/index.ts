export {
  ADMISSION_BOOKS,
  type Admission,
  type AdmissionBooks,
  type Announcement,
  type BookedSettle,
  type EpochOpening,
} from './port.js';
export { RedisAdmission } from './redis-admission.js';
export { RedisAdmissionBooks } from './redis-books.js';
