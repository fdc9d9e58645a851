import { readFileSync } from 'node:fs';
import { freePort } from '@tollgate/infra';
import { appScript, repository } from './app-script.js';
import { ManagedProcess } from './managed-process.js';

/**
 * The last line of what a standalone prints at its start. The port answers a moment before, and tests read what is
 * printed.
 */
export const GREETED = /^Call a model with its secret/m;

/** A standalone started as a newcomer does, told no more than a port and a folder. */
export interface Newcomer {
  readonly url: string;
  readonly process: ManagedProcess;
}

/** Runs what `npm start` runs, with the repository's own `config.yaml`; it makes its admin secret itself. */
export async function startAsNewcomer(dataFolder: string): Promise<Newcomer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const process = await ManagedProcess.start({
    name: 'standalone of a newcomer',
    script: appScript('standalone'),
    cwd: repository,
    env: { TOLLGATE_PORT: String(port), TOLLGATE_DATA: dataFolder },
    readyWhen: GREETED,
    readyWithinMs: 120_000,
  });
  return { url, process };
}

/** The admin secret, which a first start whose output is no terminal has written into the file that it names. */
export function adminSecretIn(output: string): string | undefined {
  const file = adminSecretFileIn(output);
  return file === undefined ? undefined : readFileSync(file, 'utf8').trimEnd();
}

/** The file with the admin secret, as a start names it. */
export function adminSecretFileIn(output: string): string | undefined {
  return /^ *admin secret +in the file (\S+) /m.exec(output)?.[1];
}

/**
 * The command that a start printed to be pasted: from `curl` to the end of the line, and further where a backslash ends
 * it.
 */
export function curlLineIn(output: string): string | undefined {
  return /^[ \t]*(curl (?:[^\n]*\\\n)*[^\n]*)$/m.exec(output)?.[1];
}

/** Where a start without a provider's credential takes leaks to report. */
export function leakUrlIn(output: string): string | undefined {
  return /a secret posted to (http\S+) is reported/.exec(output)?.[1];
}
