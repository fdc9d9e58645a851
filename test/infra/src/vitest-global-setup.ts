import { tempFolder } from './folders.js';
import { givenServerVariables, hasInfra, startInfra } from './endpoints.js';

/**
 * Runs once per project, in vitest's own process, before its workers. Under `npm test` the servers are there; when
 * vitest was started by hand it starts them for this run, and its workers inherit where they are.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  // What is costly to make and the same for all files of the run.
  process.env['TOLLGATE_TEST_FOLDER'] = tempFolder('tollgate-vitest');
  if (hasInfra()) return undefined;
  const infra = await startInfra();
  Object.assign(process.env, infra.environment);
  for (const name of givenServerVariables) delete process.env[name];
  return infra.stop;
}
