export type { Behaviour, Failure, StandingBehaviour } from './behaviour.js';
export type { LogEntry, Outcome } from './log.js';
export { startProviderSimulator, type ProviderSimulator, type SimulatorOptions } from './server.js';
