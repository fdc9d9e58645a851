import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { repository } from '@tollgate/journey';
import { FORMER_RELEASE_VARIABLE, KILLING_VARIABLE } from './upgrade/upgrade-options.js';

const usage = `npm run test:upgrade -- --from FOLDER [--killing-seconds N]
  --from FOLDER         the root of a former release, which is built (npm ci && npm run build)
  --killing-seconds N   for how long random processes are killed, one every 10 s; default 180
`;

process.exit(await run());

async function run(): Promise<number> {
  let options;
  try {
    options = readArguments();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  const child = spawn('vitest', ['run', '--project', 'fault', 'test/fault/src/upgrade.test.ts'], {
    cwd: repository,
    env: {
      ...process.env,
      [FORMER_RELEASE_VARIABLE]: options.from,
      [KILLING_VARIABLE]: String(options.killingSeconds * 1_000),
    },
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code) => done(code ?? 1));
  });
}

/** Throws for what it does not know. */
function readArguments(): { from: string; killingSeconds: number } {
  const { values } = parseArgs({
    options: { from: { type: 'string' }, 'killing-seconds': { type: 'string', default: '180' } },
  });
  if (values.from === undefined) throw new RangeError('--from must name the folder of a former release');
  const from = resolve(values.from);
  if (!existsSync(`${from}/apps/gateway/dist/main.js`))
    throw new RangeError(`--from: ${from} has no apps/gateway/dist/main.js: build the release there first`);
  if (!/^\d{1,4}$/.test(values['killing-seconds']))
    throw new RangeError('--killing-seconds must be a whole number of at most 9999');
  return { from, killingSeconds: Number(values['killing-seconds']) };
}
