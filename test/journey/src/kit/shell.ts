import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, tempFolder, waitUntil } from '@tollgate/infra';
import { repository } from './app-script.js';

/** What a script printed, standard output and error as they came, and its exit code. */
export interface ShellResult {
  readonly output: string;
  readonly code: number;
}

const timeoutMs = 120_000;

/**
 * Runs a script with `sh` in the root of the repository, on the Node.js that npm scripts run on. Rejects after a
 * minute.
 */
export async function runShell(script: string): Promise<ShellResult> {
  const file = join(tempFolder('tollgate-shell'), 'script.sh');
  writeFileSync(file, `PATH="$PWD/node_modules/.bin:$PATH"\n${script}\n`);
  const shell = await startProcess({
    name: 'sh',
    command: 'sh',
    args: ['-c', `exec 2>&1; sh "$0"; printf '\\nscript ended with %s\\n' "$?"`, file],
    cwd: repository,
  });
  try {
    const [, output, code] = await waitUntil(() => /^([\s\S]*)\nscript ended with (\d+)\n$/.exec(shell.output()), {
      what: 'the script to end',
      timeoutMs,
    });
    return { output: output!, code: Number(code) };
  } catch (error) {
    throw new Error(`${(error as Error).message}; it had printed:\n${shell.output()}`, { cause: error });
  } finally {
    shell.kill();
  }
}
