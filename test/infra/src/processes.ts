import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { forgetProcess, reapProcess } from './reaper.js';
import { waitUntil, type WaitOptions } from './wait-until.js';

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process this test process started, alone in its process group. It never outlives this process. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Where it answers, when that is known. */
  readonly url?: string;
  /** The last 256 KiB it wrote, standard output and error in the order they came. */
  output(): string;
  /** Signals its whole process group; SIGKILL unless told otherwise. Without effect on one that has exited. */
  kill(signal?: NodeJS.Signals): void;
  /** Resolves when it has exited, for whatever reason. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** As `exited`, but not before all that it wrote has been read: `output` is complete then. */
  readonly closed: Promise<ProcessExit>;
  /** Asks it to stop, kills it after `graceMs` (default 60,000, for a busy machine), and resolves when it is gone. */
  stop(graceMs?: number): Promise<ProcessExit>;
}

export interface ProcessOptions {
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment of the process. Default: that of this process. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** How this program is asked to stop. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

const keptOutput = 256 * 1024;
/** How long the last words of a process are waited for. */
const LAST_WORDS_MS_MAX = 5_000;

/** Starts a program. Rejects when it cannot be executed. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { name, command, args, stopSignal = 'SIGTERM' } = options;
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    uid: options.uid,
    gid: options.gid,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let written = '';
  const keep = (chunk: string) => {
    written = (written + chunk).slice(-keptOutput);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const exited = new Promise<ProcessExit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const closed = new Promise<ProcessExit>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  await once(child, 'spawn').catch((error) => {
    throw new Error(`${name}: cannot execute ${command}: ${error.message}`, { cause: error });
  });
  const pid = child.pid!;
  let running = true;
  reapProcess(pid, stopSignal);
  void exited.then(() => {
    running = false;
    forgetProcess(pid);
  });

  const kill = (signal: NodeJS.Signals = 'SIGKILL') => {
    if (running) signalGroup(pid, signal);
  };
  const stop = async (graceMs = 60_000) => {
    kill(stopSignal);
    const patience = new AbortController();
    const gone = await Promise.race([
      exited,
      delay(graceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    if (!gone) kill('SIGKILL');
    return exited;
  };
  return { name, pid, output: () => written, kill, exited, closed, stop };
}

/** Signals all of a process group; one that is gone already is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It exited a moment ago and its exit event is still to come.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A process ended before it was ready; `output` holds the last it said. */
export class ProcessDied extends Error {
  constructor(
    name: string,
    exit: ProcessExit,
    readonly output: string,
  ) {
    const how = exit.signal ? `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
    super(`${name} ${how} before it was ready. Its last output:\n${output.slice(-4_000) || '(none)'}`);
  }
}

/**
 * Waits until `check` finds a started process ready and returns what it found. Rejects with `ProcessDied` as soon
 * as the process exits; kills it and rejects when the time is over.
 */
export async function untilReady<T>(
  running: RunningProcess,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const over = new AbortController();
  const died = running.exited.then(async (exit) => {
    // The last words may still be in the pipe when the exit is known. A child that lives on may hold it open.
    const patience = new AbortController();
    const late = delay(LAST_WORDS_MS_MAX, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([running.closed, late]);
    patience.abort();
    throw new ProcessDied(running.name, exit, running.output());
  });
  try {
    return await Promise.race([waitUntil(check, { ...options, signal: over.signal }), died]);
  } catch (error) {
    running.kill();
    if (error instanceof ProcessDied) throw error;
    throw new Error(`${(error as Error).message}. Its last output:\n${running.output().slice(-4_000) || '(none)'}`, {
      cause: error,
    });
  } finally {
    over.abort();
  }
}

/** Whether there is a process of this id, that this process may signal. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !isDefunct(pid);
}

/** Whether it has ended and only its number is kept, until a parent asks how it went: some first processes ask late. */
function isDefunct(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'Z';
  } catch {
    return false;
  }
}
