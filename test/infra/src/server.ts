import { setTimeout as delay } from 'node:timers/promises';
import { createContainer, dockerAnswers, type Container, type ContainerOptions } from './docker.js';
import { freePort, saysAddressInUse } from './ports.js';
import { ProcessDied, untilReady, type RunningProcess } from './processes.js';
import { waitUntil } from './wait-until.js';

/** A way to run one kind of server on a port that is given. */
export interface Installation {
  /** Starts the program on the port, with the data of the last time if there was one. */
  launch(port: number): Promise<RunningProcess>;
  /** Whether these last words of a program that died mean that the same port should be tried again. */
  tryAgain?(output: string): boolean;
  /** Removes its data. */
  dispose(): Promise<void>;
}

export interface ServerOptions {
  name: string;
  installation: Installation;
  /** Whether the server on this port answers as it should. A throw means not yet. */
  answers(port: number): Promise<boolean>;
  readyWithinMs: number;
  /** How long an orderly stop may take before SIGKILL. */
  stopGraceMs: number;
}

/** Life and death of a server, as tests need it. */
export interface ServerControls {
  /** Orderly stop; its data is gone. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. Its data stays for `restart`. */
  kill(): Promise<void>;
  /** SIGSTOP: connections are taken, and nothing is answered until `resume`. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port, stopping it first where it runs; resolves when it answers. */
  restart(): Promise<void>;
}

const attempts = 5;

/** Starts a server on a free loopback port; with another port when somebody was faster. */
export async function startServer(options: ServerOptions): Promise<ServerControls & { port: number }> {
  const { installation, stopGraceMs } = options;
  const { port, running: first } = await onSomePort(options);
  let running = first;
  return {
    port,
    kill: async () => {
      running.kill('SIGKILL');
      await running.exited;
    },
    pause: () => running.kill('SIGSTOP'),
    resume: () => running.kill('SIGCONT'),
    restart: async () => {
      await running.stop(stopGraceMs);
      running = await onSamePort(options, port);
    },
    stop: async () => {
      await running.stop(stopGraceMs);
      await installation.dispose();
    },
  };
}

async function onSomePort(options: ServerOptions) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return { port, running: await launchAndWait(options, port) };
    } catch (error) {
      if (attempt < attempts && error instanceof ProcessDied && saysAddressInUse(error.output)) continue;
      await options.installation.dispose();
      throw error;
    }
  }
}

/** After a SIGKILL the old socket, or PostgreSQL's shared memory, may take a moment to be let go. */
async function onSamePort(options: ServerOptions, port: number): Promise<RunningProcess> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launchAndWait(options, port);
    } catch (error) {
      const passing =
        error instanceof ProcessDied &&
        (saysAddressInUse(error.output) || options.installation.tryAgain?.(error.output));
      if (!passing || attempt === attempts) throw error;
      await delay(200 * attempt);
    }
  }
}

async function launchAndWait(
  { name, installation, answers, readyWithinMs }: ServerOptions,
  port: number,
): Promise<RunningProcess> {
  const running = await installation.launch(port);
  await untilReady(running, () => answers(port), {
    what: `${name} to answer on port ${port}`,
    timeoutMs: readyWithinMs,
    intervalMs: 25,
  });
  return running;
}

/** Docker where an engine answers and has or gets the image, else what is installed here. */
export async function chooseInstallation(
  container: (port: number) => ContainerOptions,
  native: () => Promise<Installation>,
): Promise<Installation> {
  if (!(await dockerAnswers())) return native();
  const port = await freePort();
  try {
    return inContainer(container, port, await createContainer(container(port)));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nGoing on without Docker.\n`);
    return native();
  }
}

function inContainer(options: (port: number) => ContainerOptions, firstPort: number, first: Container): Installation {
  let current = { port: firstPort, container: first };
  return {
    launch: async (port) => {
      if (port !== current.port) {
        await current.container.remove();
        current = { port, container: await createContainer(options(port)) };
      }
      return current.container.start();
    },
    dispose: () => current.container.remove(),
  };
}

/** A given server may be starting still, next to these tests. Rejects with what it last said after 30 s. */
export async function untilGivenServerAnswers(
  name: string,
  variable: string,
  answers: () => Promise<boolean>,
): Promise<void> {
  await waitUntil(answers, { what: `${name} at ${variable} to answer`, timeoutMs: 30_000, intervalMs: 250 });
}

/** Controls of a server that was given by the environment: not ours to kill. */
export function givenServer(
  name: string,
  variable: string,
  dispose: () => Promise<void> = async () => undefined,
): ServerControls {
  const refuse = (): never => {
    throw new Error(`this ${name} was given by ${variable} and is not ours to kill; unset ${variable} for this test`);
  };
  const refuseLater = async () => refuse();
  return { stop: dispose, kill: refuseLater, restart: refuseLater, pause: refuse, resume: refuse };
}
