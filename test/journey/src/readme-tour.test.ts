import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@tollgate/infra';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from './kit/app-script.js';
import { adminSecretIn, leakUrlIn, startAsNewcomer, type Newcomer } from './kit/newcomer.js';
import { runShell } from './kit/shell.js';
import { shows, stepResults, tourOf, tourScript } from './kit/tour.js';

describe('the tour of the README', () => {
  let tollgate: Newcomer;
  beforeAll(async () => {
    tollgate = await startAsNewcomer(join(tempFolder('tollgate-tour'), 'data'));
  });
  afterAll(() => tollgate?.process.stop());

  it('shows what it says, line by line as pasted', async () => {
    const steps = tourOf(readFileSync(join(repository, 'README.md'), 'utf8'));
    const mark = 'tour step ended with';
    const given = `export TOLLGATE='${tollgate.url}' ADMIN='${adminSecretIn(tollgate.process.output())}' LEAK='${leakUrlIn(tollgate.process.output())}'\n`;
    const { output } = await runShell(given + tourScript(steps, mark));
    const results = stepResults(output, mark);
    for (const [number, { commands, expected }] of steps.entries()) {
      const result = results[number];
      expect(result?.code, `exit code of: ${commands}\n${result?.output ?? output}`).toBe(0);
      expect(
        shows(result!.output, expected),
        `${commands}\nis to print\n${expected.join('\n')}\nand printed\n${result!.output}`,
      ).toBe(true);
    }
  });
});
