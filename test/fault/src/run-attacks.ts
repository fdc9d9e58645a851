import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Every attack on both shapes, each told with what held: `npm run test:attacks`, with a part of a name after `--` for
 * some of them.
 */
const [only] = process.argv.slice(2);
const filter = only === undefined ? [] : ['-t', only];
const args = [
  'run',
  '--project',
  'fault',
  'test/fault/src/attacks.test.ts',
  '--reporter=verbose',
  '--testTimeout=300000',
  ...filter,
];
const vitest = spawn('vitest', args, { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => vitest.kill(signal));
vitest.once('error', (error) => {
  process.stderr.write(`attacks: ${error.message}: use "npm run test:attacks"\n`);
  process.exit(1);
});
vitest.once('exit', (code) => process.exit(code ?? 1));
