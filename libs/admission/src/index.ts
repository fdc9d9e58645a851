export type { Admission, AdmissionLedger, Announcement, BookedSettle, EpochOpening } from './port.js';
