import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { givenServerVariables } from '../endpoints.js';

export interface ChildProgram {
  /** The exit code; 1 where a signal ended it. */
  exitCode: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs a program of the workspace (`npm`, or one in node_modules/.bin) in the root, with its output on ours. */
export function runChildProgram(root: string, command: string, args: readonly string[], environment: Record<string, string>): ChildProgram {
  const env: NodeJS.ProcessEnv = { ...process.env, ...environment };
  env['PATH'] = [join(root, 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(delimiter);
  for (const name of givenServerVariables) delete env[name];
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const exitCode = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', code => resolve(code ?? 1));
  });
  return { exitCode, kill: signal => { child.kill(signal); } };
}
