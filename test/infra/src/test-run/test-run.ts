import { randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tempFolder } from '../folders.js';
import { runChildProgram, type ChildProgram } from '../stages/child-program.js';
import { stageNames } from '../stages/stage-names.js';
import { forgetStageReports, readStageReports, runVariable } from '../stages/stage-report.js';
import { closingLines } from './closing-lines.js';

/**
 * The one test command: has Nx run every stage of every project, or bring it back from its cache where nothing that it
 * reads has changed. A red stage does not keep the next from running. `options` are further ones of `nx run-many`.
 * Resolves with the exit code.
 */
export async function runTests(root: string, options: readonly string[] = []): Promise<number> {
  const started = performance.now();
  const run = randomUUID();
  // The temporary folder of all tests: what a killed process leaves there goes with it.
  const folder = tempFolder('tollgate-run');
  // The servers' own users may have to pass through.
  chmodSync(folder, 0o711);
  forgetStageReports(root);
  const nx = runChildProgram(
    root,
    'nx',
    ['run-many', '--targets', stageNames.join(','), '--output-style=static', ...options],
    {
      TMPDIR: folder,
      [runVariable]: run,
    },
  );
  const exitCode = await Promise.race([nx.exitCode, whenInterrupted(nx)]);
  if (typeof exitCode !== 'number') return exitCode.code;
  const seconds = (performance.now() - started) / 1000;
  const { lines, failed } = closingLines({ reports: readStageReports(root), run, nxExitCode: exitCode, seconds });
  process.stdout.write(`\n${lines.join('\n')}\n`);
  return failed === 0 ? 0 : 1;
}

/** Resolves with the exit code once a signal has come and Nx, with all that it started, has gone. */
function whenInterrupted(nx: ChildProgram): Promise<{ code: number }> {
  return new Promise((resolve) => {
    const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
    for (const signal of Object.keys(codes) as (keyof typeof codes)[]) {
      process.on(signal, () => {
        process.stderr.write(`\n${signal}: stopping\n`);
        nx.kill(signal);
        void Promise.race([nx.exitCode, delay(8_000)]).then(() => {
          nx.kill('SIGKILL');
          resolve({ code: codes[signal] });
        });
      });
    }
  });
}
