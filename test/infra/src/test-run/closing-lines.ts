import { stageNames } from '../stages/stage-names.js';
import type { StageReport } from '../stages/stage-report.js';

export interface FinishedRun {
  readonly reports: readonly StageReport[];
  /** The run that has just ended: reports of other runs came from the cache. */
  readonly run: string;
  readonly nxExitCode: number;
  readonly seconds: number;
}

/**
 * What `npm test` says at its end: the time of each stage that ran, what ran and what came from the cache, each failure
 * by name, and the closing line, which other programs read. A run that Nx calls failed never ends in "0 failed".
 */
export function closingLines({ reports, run, nxExitCode, seconds }: FinishedRun): { lines: string[]; failed: number } {
  const sum = (of: readonly StageReport[], count: (report: StageReport) => number) =>
    of.reduce((total, report) => total + count(report), 0);
  const [ran, cached] = [
    reports.filter((report) => report.run === run),
    reports.filter((report) => report.run !== run),
  ];
  const times = stageNames.flatMap((stage) => {
    const one = ran.find((report) => report.stage === stage);
    return one === undefined ? [] : [`${stage} ${one.seconds.toFixed(1)} s`];
  });
  const failures = reports.flatMap(({ stage, project, problem, failures: named = [] }) =>
    problem === undefined ? [] : [`failed: ${stage} of ${project}: ${problem}`, ...named.map((one) => `  ${one}`)],
  );
  let failed = sum(reports, (report) => report.failed);
  if (failed === 0 && (nxExitCode !== 0 || reports.length === 0)) {
    failed = 1;
    failures.push(`failed: nx ended with code ${nxExitCode} and ${reports.length} reports, none of a failure`);
  }
  const count = (of: readonly StageReport[]) => `${sum(of, ({ passed }) => passed)} tests in ${of.length} tasks`;
  return {
    lines: [
      [...times, `in all ${seconds.toFixed(1)} s`].join(', '),
      `ran: ${count(ran)}; from the cache: ${count(cached)}`,
      ...failures,
      `${sum(reports, ({ passed }) => passed)} passed, ${failed} failed`,
    ],
    failed,
  };
}
