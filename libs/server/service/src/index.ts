export { PeriodicService } from './periodic-service.js';
export { PortsModule } from './ports.module.js';
export {
  runService,
  type OpenedService,
  type ServiceContext,
  type ServiceEnvironment,
  type ServiceOptions,
} from './run-service.js';
export { showStores } from './show-stores.js';
export type { WaitFor } from './start-progress.js';
