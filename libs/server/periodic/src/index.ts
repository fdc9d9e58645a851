export { Periodic, type PeriodicOptions } from './periodic.js';
export { shareCalls } from './share-calls.js';
