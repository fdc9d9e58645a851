import { describe, expect, it } from 'vitest';
import { verdictOnLint, verdictOnProgram, verdictOnVitest, type VitestReport } from './verdict.js';

const report = (...files: string[][]): VitestReport => ({
  testResults: files.map((statuses, index) => ({
    name: `file-${index}`,
    status: statuses.includes('failed') || statuses.length === 0 ? 'failed' : 'passed',
    assertionResults: statuses.map((status) => ({ status })),
  })),
});

describe('the verdict on a vitest run', () => {
  it('counts passed and failed tests over all files', () => {
    expect(verdictOnVitest(1, report(['passed', 'failed'], ['passed', 'passed']))).toMatchObject({
      passed: 3,
      failed: 1,
      problem: '1 failed',
    });
  });

  it('names what failed, with the first line of why', () => {
    const { failures } = verdictOnVitest(1, {
      testResults: [
        {
          name: '/a.test.ts',
          status: 'failed',
          assertionResults: [
            { status: 'passed' },
            { status: 'failed', fullName: 'a key dies', failureMessages: ['expected 200 to be 401\n    at x'] },
          ],
        },
        { name: '/b.test.ts', status: 'failed', message: 'cannot be loaded', assertionResults: [] },
        { name: '/c.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] },
      ],
    });
    expect(failures).toEqual(['/a.test.ts: a key dies: expected 200 to be 401', '/b.test.ts: cannot be loaded']);
  });

  it('is green when all passed', () => {
    expect(verdictOnVitest(0, report(['passed']))).toEqual({ passed: 1, failed: 0 });
  });

  it('counts a file that could not be loaded as a failure', () => {
    expect(verdictOnVitest(1, report([], ['passed']))).toMatchObject({ passed: 1, failed: 1 });
  });

  it.each([
    ['no report', 1, undefined, /left no report/],
    ['an error outside of tests', 1, report(['passed']), /code 1/],
    ['a skipped test', 0, report(['passed', 'skipped']), /1 skipped/],
    ['nothing run', 0, report(), /no test was run/],
  ] as const)('is red for %s', (_name, exitCode, given, problem) => {
    const verdict = verdictOnVitest(exitCode, given);
    expect(verdict.failed).toBe(1);
    expect(verdict.problem).toMatch(problem);
  });
});

describe('the verdict on another program', () => {
  it('is one failure when it failed', () => {
    expect(verdictOnProgram(0)).toEqual({ passed: 0, failed: 0 });
    expect(verdictOnProgram(2)).toEqual({ passed: 0, failed: 1, problem: 'ended with code 2' });
  });
});

describe('the verdict on lint', () => {
  it('is one failure for each complaint, named with its place', () => {
    const report = [
      { filePath: '/a.ts', messages: [{ line: 3, ruleId: 'max-len', message: 'too long' }] },
      { filePath: '/b.ts', messages: [] },
    ];
    expect(verdictOnLint(1, report)).toEqual({
      passed: 0,
      failed: 1,
      problem: '1 complaints',
      failures: ['/a.ts:3: max-len: too long'],
    });
    expect(verdictOnLint(0, report.slice(1))).toEqual({ passed: 0, failed: 0 });
  });
  it('is red without a report', () => expect(verdictOnLint(2, undefined).failed).toBe(1));
});
