import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tempFolder } from '@tollgate/infra';
import { optionVariables } from './run-options.js';

const usage = `npm run test:faults -- [options]
  --seed N      brings back the random points of an earlier run; default: a random one, which is printed
  --rounds N    how often each fault happens; default 3
  --short       outages of seconds, as in npm test, instead of as long as they are promised to be survived
  --only NAME   the number of a fault, as 13, or a part of its name
`;

/** Vitest's limit for one fault: the longest has a minute of outage and one of catching up, then its further rounds. */
const roundMs = 180_000;

process.exit(await run());

async function run(): Promise<number> {
  let options;
  try {
    options = readArguments();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  const { seed, rounds, short, only } = options;
  process.stdout.write(
    `faults: seed ${seed}, ${rounds} round${rounds === 1 ? '' : 's'}, ${short ? 'short' : 'long'} outages${only === undefined ? '' : `, only ${only}`}\n`,
  );
  const environment = {
    [optionVariables.seed]: String(seed),
    [optionVariables.rounds]: String(rounds),
    [optionVariables.long]: String(!short),
  };
  const filter = only === undefined ? [] : ['-t', /^\d+$/.test(only) ? `fault ${only}:` : escaped(only)];
  const report = join(tempFolder('tollgate-faults'), 'report.json');
  const exitCode = await vitest(
    [
      'run',
      '--project',
      'fault',
      `--testTimeout=${roundMs * (rounds + 1)}`,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filter,
    ],
    environment,
  );
  if (exitCode !== 0) {
    process.stdout.write(`faults: failed with seed ${seed}\n`);
    return exitCode;
  }
  if (faultsRun(report) > 0) return 0;
  // Vitest is content where a name matches nothing.
  process.stderr.write(`faults: none ran: no fault is named "${only}"\n`);
  return 2;
}

function faultsRun(report: string): number {
  return (JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number }).numPassedTests;
}

/** Throws for what it does not know. */
function readArguments(): { seed: number; rounds: number; short: boolean; only: string | undefined } {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      rounds: { type: 'string' },
      short: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  });
  const whole = (name: 'seed' | 'rounds', lowest: number, otherwise: number): number => {
    const text = values[name];
    if (text === undefined) return otherwise;
    if (!/^\d{1,15}$/.test(text) || Number(text) < lowest)
      throw new RangeError(`--${name} must be a whole number from ${lowest} on`);
    return Number(text);
  };
  return {
    seed: whole('seed', 0, randomInt(2 ** 31)),
    rounds: whole('rounds', 1, 3),
    short: values.short,
    only: values.only,
  };
}

/** Vitest's global set-up starts the servers, once, and stops them. */
function vitest(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<number> {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const child = spawn('vitest', args, { cwd: root, env: { ...process.env, ...environment }, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
    // The terminal's Ctrl-C reaches vitest too, which then ends in order.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
