export { environment as gatewayEnvironment } from './config.js';
export { Gateway, type GatewayPorts } from './gateway.js';
export { GatewayModule } from './gateway.module.js';
export { providersInJournal } from './journal/recover.js';
