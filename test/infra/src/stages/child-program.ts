import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { givenServerVariables } from '../endpoints.js';
import { signalGroup } from '../processes.js';
import { forgetProcess, reapProcess } from '../reaper.js';

export interface ChildProgram {
  /** The exit code; 1 where a signal ended it. */
  exitCode: Promise<number>;
  /** Signals it and all it started. Without effect on one that has exited. */
  kill(signal: NodeJS.Signals): void;
}

/** Runs a program of the workspace (`npm`, or one in node_modules/.bin) in the root, with its output on ours. */
export function runChildProgram(
  root: string,
  command: string,
  args: readonly string[],
  environment: Record<string, string>,
): ChildProgram {
  const env: NodeJS.ProcessEnv = { ...process.env, ...environment };
  env['PATH'] = [join(root, 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(delimiter);
  for (const name of givenServerVariables) delete env[name];
  // Nx asks for colours. What tests start would print them too, where its words are read.
  delete env['FORCE_COLOR'];
  // A group of its own: the terminal's Ctrl-C then reaches it once, through us, and all of it ends with us.
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  const { pid } = child;
  if (pid !== undefined) reapProcess(pid, 'SIGTERM');
  const exitCode = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (pid !== undefined) forgetProcess(pid);
      resolve(code ?? 1);
    });
  });
  return {
    exitCode,
    kill: (signal) => {
      if (pid !== undefined && child.exitCode === null && child.signalCode === null) signalGroup(pid, signal);
    },
  };
}
