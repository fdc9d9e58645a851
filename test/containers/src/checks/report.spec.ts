import { describe, expect, it } from 'vitest';
import { NotTried, type Part, type Stage } from './check.js';
import { exitCodeOf, lineOf, summaryOf, tryAll, type Result } from './report.js';

const result = (verdict: Result['verdict'], note = ''): Result => ({
  part: 'the part',
  name: 'it holds',
  verdict,
  note,
  seconds: 0,
});

const parts: Part[] = [
  {
    name: 'one',
    checks: [
      { name: 'a', run: async () => '3 of 3' },
      {
        name: 'b',
        run: async () => {
          throw new Error('it does not');
        },
      },
      {
        name: 'c',
        run: async () => {
          throw new NotTried('nothing here to try it on');
        },
      },
    ],
  },
  { name: 'two', checks: [{ name: 'd', run: async () => undefined }] },
];

describe('a run of checks', () => {
  it('goes on after one that failed, and tells of each', async () => {
    const lines: string[] = [];
    const results = await tryAll(parts, {} as Stage, (line) => lines.push(line));
    expect(results.map(({ name, verdict, note }) => [name, verdict, note])).toEqual([
      ['a', 'held', '3 of 3'],
      ['b', 'failed', 'it does not'],
      ['c', 'not tried', 'nothing here to try it on'],
      ['d', 'held', ''],
    ]);
    expect(lines).toHaveLength(6);
  });

  it('ends with the names of what failed and of what was not tried', async () => {
    const results = await tryAll(parts, {} as Stage, () => undefined);
    expect(summaryOf(results)).toBe(
      'containers: 2 held, 1 failed, 1 not tried\n  FAILED    one: b\n  not tried one: c',
    );
  });

  it('succeeds only where something held and nothing failed', () => {
    expect(exitCodeOf([result('held'), result('not tried')])).toBe(0);
    expect(exitCodeOf([result('held'), result('failed')])).toBe(1);
    expect(exitCodeOf([result('not tried')])).toBe(1);
    expect(exitCodeOf([])).toBe(1);
  });

  it('shows all that a failed check said, and one line of the others', () => {
    expect(lineOf(result('failed', 'one\ntwo'))).toBe('  FAILED    it holds\n            one\n            two');
    expect(lineOf(result('held', 'one\ntwo'))).toBe('  held      it holds\n            one');
    expect(lineOf({ ...result('held'), seconds: 2.5 })).toBe('  held      it holds [2.5 s]');
  });
});
