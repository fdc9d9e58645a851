import 'reflect-metadata';
import { ConfigError, ConfigFileMissing, EnvironmentError } from '@tollgate/config';
import { FolderLockedError } from '@tollgate/folder-lock';
import { readConfig } from './config.js';
import { StartFault } from './start-fault.js';
import { startStandalone, type Standalone } from './start.js';

const NODE_MAJOR_MIN = 24;

/** What an operator can mend is said in its own words; the rest is a bug and keeps its stack. */
function explain(error: unknown): string {
  const plain = [EnvironmentError, ConfigError, ConfigFileMissing, FolderLockedError, StartFault].some((kind) => error instanceof kind);
  return plain ? (error as Error).message : ((error as Error).stack ?? String(error));
}

/** Resolves when it has left this process: an admin secret that nobody can have seen is not kept. */
function written(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

async function run(): Promise<void> {
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    throw new EnvironmentError([`Node.js ${process.versions.node} is too old: use "npm start", which runs on the Node.js that npm ci installed`]);
  }
  let standalone: Standalone | null = null;
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await standalone?.stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
  standalone = await startStandalone(readConfig());
  await written(`${standalone.greeting}\n`);
  standalone.greeted();
}

run().catch((error: unknown) => {
  process.stderr.write(`tollgate did not start: ${explain(error)}\n`);
  process.exit(1);
});
