import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '@tollgate/infra';
import { parts } from './checks/parts.js';
import { anyEngine } from './engine/engine.js';
import { chosen, readOptions, usage, type Options } from './options.js';

/**
 * `npm run test:containers`: builds the image, brings docker-compose.yml up, and tries what must hold of containers.
 * On a machine with Docker it uses that engine, elsewhere one that it unpacks and ends with everything in it.
 */
const repository = fileURLToPath(new URL('../../..', import.meta.url));

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  let options: Options;
  let wanted;
  try {
    options = readOptions(args);
    wanted = chosen(parts, options.only);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}`);
    return 2;
  }
  if (options.list) {
    for (const { name, checks } of wanted) {
      process.stdout.write(`${name}\n${checks.map((check) => `  ${check.name}\n`).join('')}`);
    }
    return 0;
  }
  const cache = process.env['TOLLGATE_TEST_CACHE'] ?? join(repository, '.cache', 'containers');
  const engine = await anyEngine(cache);
  process.stdout.write(`containers: ${engine.description}\n`);
  try {
    const program = fileURLToPath(new URL('run-checks.js', import.meta.url));
    const [command, ...before] = [...engine.enter, process.execPath, program, ...args] as [string, ...string[]];
    // Nothing in the engine's namespaces outlives them, so what removes temporary folders is out here.
    const env = { ...engine.env, TMPDIR: tempFolder('tollgate-containers') };
    const child = spawn(command, before, { env, cwd: repository, stdio: 'inherit' });
    // Ctrl-C of a terminal reaches the child too, which then removes what it has brought up.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    await engine.stop();
  }
}
