export { inTime } from './in-time.js';
export { Periodic, type PeriodicOptions } from './periodic.js';
export { shareCalls } from './share-calls.js';
