export { RefusedCallsModule } from './refused-calls.module.js';
