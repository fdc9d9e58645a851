export { environment as gatewayEnvironment } from './config.js';
export { Gateway, type GatewayPorts } from './gateway.js';
export { GatewayModule, type OwnGatewayPorts } from './gateway.module.js';
export { Journal } from './journal/journal.js';
export { JournalFolders } from './left-journals/journal-folders.js';
export { providersInJournal } from './journal/recover.js';
