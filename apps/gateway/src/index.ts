export { Gateway, type GatewayPorts } from './gateway.js';
export { GatewayModule } from './gateway.module.js';
