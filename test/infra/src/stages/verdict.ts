/** What the run of one stage comes to. */
export interface Verdict {
  passed: number;
  failed: number;
  /** Why the stage is red; undefined when it is green. */
  problem?: string;
  /** What failed, a line each, with the first line of why: who reads only the end of the output learns it too. */
  failures?: string[];
}

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  testResults: {
    name: string;
    status: string;
    /** Why a file could not be loaded. */
    message?: string;
    assertionResults: { status: string; fullName?: string; failureMessages?: string[] }[];
  }[];
}

/** The part of ESLint's JSON report that is read here: one entry for each file. */
export type LintReport = readonly {
  readonly filePath: string;
  readonly messages: readonly { readonly line?: number; readonly ruleId: string | null; readonly message: string }[];
}[];

/** One failure for each complaint; warnings are complaints too. */
export function verdictOnLint(exitCode: number, report: LintReport | undefined): Verdict {
  if (!report) return { passed: 0, failed: 1, problem: `eslint ended with code ${exitCode} and left no report` };
  const failures = report.flatMap(({ filePath, messages }) =>
    messages.map((found) => `${filePath}:${found.line ?? 0}: ${line(found.ruleId ?? 'cannot be read', found.message)}`),
  );
  if (failures.length > 0)
    return { passed: 0, failed: failures.length, problem: `${failures.length} complaints`, failures };
  return { passed: 0, failed: 0 };
}

/** A stage that counts nothing itself: one failure when its program failed. */
export function verdictOnProgram(exitCode: number): Verdict {
  return exitCode === 0 ? { passed: 0, failed: 0 } : { passed: 0, failed: 1, problem: `ended with code ${exitCode}` };
}

/**
 * The counts of a vitest run. A file that could not be loaded counts as one failure, and so does a run that failed,
 * ran nothing or skipped something without a failed test: a red run never ends in "0 failed".
 */
export function verdictOnVitest(exitCode: number, report: VitestReport | undefined): Verdict {
  if (!report) return { passed: 0, failed: 1, problem: `vitest ended with code ${exitCode} and left no report` };
  const statuses = report.testResults.flatMap((file) => file.assertionResults.map((test) => test.status));
  const passed = statuses.filter((status) => status === 'passed').length;
  const failedTests = statuses.filter((status) => status === 'failed').length;
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const notRun = statuses.length - passed - failedTests;
  const failed = failedTests + brokenFiles;
  if (failed > 0)
    return { passed, failed, problem: `${failed} failed`, failures: report.testResults.flatMap(failuresOf) };
  if (exitCode !== 0) return { passed, failed: 1, problem: `vitest ended with code ${exitCode}` };
  if (notRun > 0) return { passed, failed: 1, problem: `${notRun} skipped` };
  if (passed === 0) return { passed, failed: 1, problem: 'there are test files, but no test was run' };
  return { passed, failed };
}

function failuresOf({ name, status, message, assertionResults }: VitestReport['testResults'][number]): string[] {
  const failed = assertionResults.filter((test) => test.status === 'failed');
  if (failed.length > 0)
    return failed.map(({ fullName, failureMessages }) => line(`${name}: ${fullName ?? ''}`, failureMessages?.[0]));
  return status === 'failed' ? [line(name, message)] : [];
}

function line(what: string, why = ''): string {
  return `${what}: ${why.split('\n', 1)[0]!.slice(0, 500)}`;
}
