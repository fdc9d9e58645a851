import { NotTried, type Check, type Part, type Stage } from './check.js';

type Verdict = 'held' | 'failed' | 'not tried';

export interface Result {
  readonly part: string;
  readonly name: string;
  readonly verdict: Verdict;
  /** What was measured, what did not hold, or why it was not tried. */
  readonly note: string;
  readonly seconds: number;
}

/** Tries each check of each part, tells of each as soon as it is over, and goes on after one that failed. */
export async function tryAll(parts: readonly Part[], stage: Stage, tell: (line: string) => void): Promise<Result[]> {
  const results: Result[] = [];
  for (const part of parts) {
    tell(`\n${part.name}`);
    for (const check of part.checks) {
      const result = await tryOne(part, check, stage);
      results.push(result);
      tell(lineOf(result));
    }
  }
  return results;
}

async function tryOne(part: Part, check: Check, stage: Stage): Promise<Result> {
  const start = performance.now();
  const ended = (verdict: Verdict, note: string): Result => ({
    part: part.name,
    name: check.name,
    verdict,
    note,
    seconds: Math.round((performance.now() - start) / 100) / 10,
  });
  try {
    return ended('held', (await check.run(stage)) ?? '');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return ended(error instanceof NotTried ? 'not tried' : 'failed', message);
  }
}

const signs: Readonly<Record<Verdict, string>> = { held: 'held     ', failed: 'FAILED   ', 'not tried': 'not tried' };

/** A check in one line, and what failed with all that it said. */
export function lineOf({ verdict, name, note, seconds }: Result): string {
  const took = seconds >= 1 ? ` [${seconds} s]` : '';
  const told = verdict === 'failed' ? note : (note.split('\n')[0] ?? '');
  return `  ${signs[verdict]} ${name}${took}${told === '' ? '' : `\n            ${told.replaceAll('\n', '\n            ')}`}`;
}

/** The last line: what failed and what was not tried, by name. */
export function summaryOf(results: readonly Result[]): string {
  const of = (verdict: Verdict) => results.filter((result) => result.verdict === verdict);
  const names = (verdict: Verdict) =>
    of(verdict)
      .map(({ part, name }) => `\n  ${signs[verdict]} ${part}: ${name}`)
      .join('');
  const counts = `${of('held').length} held, ${of('failed').length} failed, ${of('not tried').length} not tried`;
  return `containers: ${counts}${names('failed')}${names('not tried')}`;
}

/** 0 only where something was tried and nothing failed. */
export function exitCodeOf(results: readonly Result[]): number {
  return results.some(({ verdict }) => verdict === 'held') && !results.some(({ verdict }) => verdict === 'failed')
    ? 0
    : 1;
}
