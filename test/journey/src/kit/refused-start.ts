import { spawnApp } from '@tollgate/infra';
import { appScript, repository, shortLived } from './app-script.js';

/** How a start ended that should not have come to its end. */
export interface RefusedStart {
  /** What it wrote, standard output and error. */
  readonly output: string;
  /** The lines of it that say that it did not start. */
  readonly refusals: readonly string[];
  readonly code: number;
}

/**
 * Starts an app and resolves when it has given up. Rejects where it has neither after a minute and a half: it hangs, or
 * it serves. `through` is a program that starts it.
 */
export async function refusedStart(
  app: string,
  environment: Readonly<Record<string, string>>,
  through: readonly string[] = [],
): Promise<RefusedStart> {
  const error = await spawnApp({
    name: app,
    script: appScript(app),
    through,
    nodeArgs: shortLived,
    cwd: repository,
    env: { ...environment },
    readyWhen: /"listening"|Tollgate is ready/,
  }).then(
    async (running) => {
      await running.stop();
      return new Error(`${app} has started:\n${running.output()}`);
    },
    (reason: unknown) => reason as Error,
  );
  const code = /exited with code (\d+) before it was ready/.exec(error.message)?.[1];
  if (code === undefined) throw error;
  const output = (error as Error & { output: string }).output;
  return { output, refusals: output.split('\n').filter((line) => line.includes('did not start')), code: Number(code) };
}
