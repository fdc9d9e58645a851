import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { runCommand } from './commands.js';
import { startProcess, type RunningProcess } from './processes.js';
import { reapContainer } from './reaper.js';

let answer: Promise<boolean> | undefined;

/** Whether a Docker engine answers here. Asked once. */
export function dockerAnswers(): Promise<boolean> {
  answer ??= runCommand('docker', ['info'], { timeoutMs: 10_000 }).then((result) => result.ok);
  return answer;
}

export interface ContainerOptions {
  name: string;
  image: string;
  /** The port inside the container. */
  innerPort: number;
  /** The loopback port outside. */
  port: number;
  /** A second port. */
  alsoPublished?: { innerPort: number; port: number };
  env?: Record<string, string>;
  args?: readonly string[];
}

/** A container that can be started again on the same port with the same data. */
export interface Container {
  start(): Promise<RunningProcess>;
  remove(): Promise<void>;
}

/** Fetches the image where it is missing and makes the container. Rejects with what Docker said. */
export async function createContainer(options: ContainerOptions): Promise<Container> {
  const container = `tollgate-test-${options.name.toLowerCase()}-${randomBytes(4).toString('hex')}`;
  reapContainer(container);
  const settings = Object.entries(options.env ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const made = await runCommand(
    'docker',
    [
      'create',
      '--name',
      container,
      '--publish',
      `127.0.0.1:${options.port}:${options.innerPort}`,
      ...(options.alsoPublished === undefined
        ? []
        : ['--publish', `127.0.0.1:${options.alsoPublished.port}:${options.alsoPublished.innerPort}`]),
      ...settings,
      options.image,
      ...(options.args ?? []),
    ],
    { timeoutMs: 300_000 },
  );
  if (!made.ok) throw new Error(`docker create of ${options.image} failed:\n${made.output}`);
  return {
    start: () => attach(options.name, container),
    remove: async () => {
      await runCommand('docker', ['rm', '--force', '--volumes', container]);
    },
  };
}

/**
 * The attached client ends when the container ends; signals go to the container, as the client cannot pass SIGKILL on.
 */
async function attach(name: string, container: string): Promise<RunningProcess> {
  const client = await startProcess({ name, command: 'docker', args: ['start', '--attach', container] });
  return {
    ...client,
    kill: (signal = 'SIGKILL') => {
      spawnSync('docker', ['kill', '--signal', signal, container], { stdio: 'ignore' });
    },
    stop: async (graceMs = 10_000) => {
      await runCommand('docker', ['stop', '--time', String(Math.ceil(graceMs / 1000)), container]);
      return client.exited;
    },
  };
}
