import { describe, expect, it } from 'vitest';
import type { StageReport } from '../stages/stage-report.js';
import { closingLines } from './closing-lines.js';

const report = (fields: Partial<StageReport>): StageReport => ({
  stage: 'unit',
  project: 'libs/domain/credit',
  seconds: 2,
  run: 'this',
  passed: 0,
  failed: 0,
  ...fields,
});
const end = (reports: StageReport[], nxExitCode = 0) =>
  closingLines({ reports, run: 'this', nxExitCode, seconds: 12.34 });

describe('the closing lines of a run', () => {
  it('count what ran and what came from the cache apart, and both together in the last one', () => {
    const { lines, failed } = end([report({ passed: 3 }), report({ stage: 'journey', run: 'another', passed: 40 })]);
    expect(failed).toBe(0);
    expect(lines).toEqual([
      'unit 2.0 s, in all 12.3 s',
      'ran: 3 tests in 1 tasks; from the cache: 40 tests in 1 tasks',
      '43 passed, 0 failed',
    ]);
  });
  it('name what failed', () => {
    const { lines, failed } = end(
      [report({ passed: 3, failed: 1, problem: '1 failed', failures: ['a.spec.ts: why'] })],
      1,
    );
    expect(failed).toBe(1);
    expect(lines.slice(-3)).toEqual([
      'failed: unit of libs/domain/credit: 1 failed',
      '  a.spec.ts: why',
      '3 passed, 1 failed',
    ]);
  });
  it.each([
    ['Nx failed', [report({ passed: 3 })], 1, '3 passed, 1 failed'],
    ['nothing was reported', [], 0, '0 passed, 1 failed'],
  ])('never tell of no failure where %s', (_what, reports, nxExitCode, last) => {
    expect(end(reports, nxExitCode).lines.at(-1)).toBe(last);
  });
});
