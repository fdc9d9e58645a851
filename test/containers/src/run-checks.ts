import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@tollgate/infra';
import { bringBases } from './bases/stand-in-images.js';
import { exitCodeOf, summaryOf, tryAll } from './checks/report.js';
import { parts } from './checks/parts.js';
import type { Stage } from './checks/check.js';
import { House } from './house/house.js';
import { baseImagesOf, buildImage } from './house/image.js';
import { chosen, readOptions } from './options.js';

/**
 * Tries everything on the engine that `docker` reaches from here, in the namespace in which it publishes ports.
 * run-containers.ts starts this one.
 */
const repository = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const version = 'checked';
const tell = (line: string) => void process.stdout.write(`${line}\n`);

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const env = process.env;
  const cache = process.env['TOLLGATE_TEST_CACHE'] ?? join(repository, '.cache', 'containers');
  const references = await baseImagesOf(env, repository);
  tell(`base images ${await bringBases({ env }, references, cache)}: ${references.join(', ')}`);

  const image = `tollgate:${version}`;
  if (!options.built) tell(`image built in ${await buildImage({ env, context: repository, tag: image })} s`);

  const ports = { front: await freePort(), mail: await freePort() };
  const house = new House({ env, repository, nodeImage: references[0]!, ports, version });
  const stage: Stage = {
    house,
    repository,
    env,
    version,
    image,
    demoImage: `tollgate-demo:${version}`,
    former: options.from,
    cache,
  };
  // A second signal ends it at once; the engine's namespaces then take everything with them.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void house.remove().finally(() => process.exit(130)));
  try {
    const start = performance.now();
    const wanted = chosen(parts, options.only);
    if (wanted.some(({ needsHouse }) => needsHouse !== false)) {
      await house.makeSecrets();
      await house.up();
      tell(`the house is up and healthy after ${Math.round((performance.now() - start) / 1000)} s`);
    }
    const results = await tryAll(wanted, stage, tell);
    tell(`\n${summaryOf(results)}`);
    return exitCodeOf(results);
  } finally {
    await house.remove();
  }
}
