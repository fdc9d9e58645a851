/**
 * The README's tour. Between the lines `<!-- tour:start -->` and `<!-- tour:end -->` every `sh` block is run, in order,
 * in one shell in the root of the repository, where TOLLGATE (the origin), ADMIN (the admin secret) and LEAK (where
 * leaks are reported) are set. Lines that start with `# => ` tell what the commands before them print: that text, in
 * that order, `…` standing for anything.
 */
export interface TourStep {
  readonly commands: string;
  /** None: nothing is expected of the output. */
  readonly expected: readonly string[];
}

const start = '<!-- tour:start -->';
const end = '<!-- tour:end -->';
const expectation = '# => ';

/** The steps of a README's tour; throws where its marks are missing or it has none. */
export function tourOf(readme: string): TourStep[] {
  const [from, to] = [readme.indexOf(start), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the README has no tour between ${start} and ${end}`);
  const blocks = [...readme.slice(from, to).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  const steps = blocks.flatMap(stepsOf);
  if (steps.length === 0) throw new Error('the tour has no commands');
  return steps;
}

function stepsOf(block: string): TourStep[] {
  const steps: { commands: string[]; expected: string[] }[] = [];
  for (const line of block.split('\n')) {
    const last = steps.at(-1);
    if (line.startsWith(expectation)) last?.expected.push(line.slice(expectation.length));
    else if (last && last.expected.length === 0) last.commands.push(line);
    else if (line.trim() !== '') steps.push({ commands: [line], expected: [] });
  }
  return steps.map(({ commands, expected }) => ({ commands: commands.join('\n').trim(), expected }));
}

/** One script of all steps, which says after each how it ended. */
export function tourScript(steps: readonly TourStep[], mark: string): string {
  return steps.map(({ commands }) => `${commands}\nprintf '\\n${mark} %s\\n' "$?"\n`).join('');
}

/** Output and exit code of each step that came to its end. */
export function stepResults(output: string, mark: string): { output: string; code: number }[] {
  const parts = output.split(new RegExp(`\\n${mark} (\\d+)\\n`));
  const results = [];
  for (let at = 0; at + 1 < parts.length; at += 2) results.push({ output: parts[at]!, code: Number(parts[at + 1]) });
  return results;
}

/** Whether the output has these texts, one after the other. */
export function shows(output: string, expected: readonly string[]): boolean {
  let at = 0;
  for (const piece of expected.flatMap((line) => line.split('…')).map((text) => text.trim())) {
    const found = output.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}
