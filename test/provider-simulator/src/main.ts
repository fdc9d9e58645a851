import { loadConfig } from './config.js';
import { startProviderSimulator } from './server.js';

const simulator = await startProviderSimulator(loadConfig());
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulator.stop());
console.log(`provider simulator listening on ${simulator.url}`);
