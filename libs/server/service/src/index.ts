export { PeriodicService } from './periodic-service.js';
export { PortsModule } from './ports.module.js';
export { readyByDatabase } from './ready-by-database.js';
export {
  runService,
  type OpenedService,
  type ServiceContext,
  type ServiceEnvironment,
  type ServiceOptions,
} from './run-service.js';
