import 'reflect-metadata';
import { setImmediate as turn } from 'node:timers/promises';
import { endOnSignals, mendableFault } from '@tollgate/app-process';
import { EnvironmentError } from '@tollgate/config';
import { readConfig } from './config.js';
import { startStandalone, type Standalone } from './start.js';

const NODE_MAJOR_MIN = 24;

/** Resolves when the text is written out: a new admin secret is stored only after it could be seen. */
function written(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

async function run(): Promise<void> {
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    throw new EnvironmentError([
      `Node.js ${process.versions.node} is too old: use "npm start", which runs on the Node.js that npm ci installed`,
    ]);
  }
  let standalone: Standalone | null = null;
  endOnSignals({
    tell,
    stop: async (signal) => {
      tell(`stopping (${signal})`);
      await standalone?.stop(signal);
      tell('stopped');
    },
  });
  standalone = await startStandalone(readConfig(), { tell, isTerminal: process.stdout.isTTY === true });
  await written(`${standalone.greeting}\n`);
  standalone.greeted();
}

// A terminal that is gone, or a full disk that this is written to, ends no process that serves.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

function tell(line: string): void {
  process.stdout.write(`tollgate: ${line}\n`);
}

// A signal that came while the program was being loaded is heard first.
const started = turn().then(run);
started.catch((error: unknown) => {
  // A fault that an operator can mend is shown as its message; any other error is a bug and is shown with its stack.
  process.stderr.write(`tollgate did not start: ${mendableFault(error) ?? (error as Error).stack ?? String(error)}\n`);
  process.exit(1);
});
