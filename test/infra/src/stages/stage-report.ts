import { mkdirSync, readFileSync, rmSync, writeFileSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Verdict } from './verdict.js';

/** Where each task of Nx leaves what came of it; nx.json names the files as outputs, so the cache brings them back. */
const reports = '.cache/stages';

/** Tells every task which run of `npm test` it belongs to. It is no input of any task. */
export const runVariable = 'TOLLGATE_STAGES_RUN';

/** What one task came to: one stage of one project. */
export interface StageReport extends Verdict {
  stage: string;
  /** The folder of the project, such as `libs/domain/credit`. */
  project: string;
  /** How long the stage took, for all projects that ran in it. */
  seconds: number;
  /** The run that it was made in: another one than the present where Nx brought it back from its cache. */
  run: string;
}

/** Writes the report of a task to where Nx expects it. */
export function writeStageReport(root: string, report: StageReport): void {
  const file = join(root, reports, report.stage, `${report.project}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
}

/** All reports that there are. */
export function readStageReports(root: string): StageReport[] {
  return globSync(`${reports}/**/*.json`, { cwd: root }).map(
    (file) => JSON.parse(readFileSync(join(root, file), 'utf8')) as StageReport,
  );
}

/** Removes the reports of earlier runs, so that none of them can be taken for one of the next. */
export function forgetStageReports(root: string): void {
  rmSync(join(root, reports), { recursive: true, force: true });
}
