import { execFile } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface CommandResult {
  ok: boolean;
  /** Standard output and error, trimmed. */
  output: string;
}

export interface CommandOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Milliseconds before it is killed. Default 60,000. */
  timeoutMs?: number;
}

/** Runs a program to its end. Never rejects: a program that is missing, fails or takes too long is `ok: false`. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { timeoutMs = 60_000, ...rest } = options;
  return new Promise((resolve) => {
    execFile(command, args, { ...rest, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const said = `${stdout}${stderr}`.trim();
      resolve({ ok: !error, output: error && !said ? error.message : said });
    });
  });
}

/** The full path of a program on PATH, in the system folders that a user's PATH may lack, or in `folders`. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, ...onPath, '/usr/local/bin', '/usr/bin', '/usr/sbin']
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The names in a folder, none when there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
