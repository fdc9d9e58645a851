import { constants, existsSync, renameSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, tempFolder } from '@tollgate/infra';
import { appScript, repository, shortLived } from './app-script.js';
import { ManagedProcess } from './managed-process.js';
import { startOutside } from './outside.js';

/** Where the first standalone of a vitest run leaves its folder for the others; the global set-up of vitest sets it. */
const shared = process.env['TOLLGATE_TEST_FOLDER'];

/**
 * Fills `dataFolder`, which is not there yet, with what a first start and a stop leave behind. To make an embedded
 * database costs seconds of the processor, so one is made in a run of vitest and copied. Only for tests that are not
 * about the first start: the pepper is the same in all copies. Outside of vitest it does nothing.
 */
export async function copyFirstStart(dataFolder: string): Promise<void> {
  if (shared === undefined) return;
  const made = join(shared, 'first-start');
  if (!existsSync(made)) await makeFirstStart(made);
  await cp(made, dataFolder, { recursive: true, mode: constants.COPYFILE_FICLONE });
}

async function makeFirstStart(target: string): Promise<void> {
  const dataFolder = join(tempFolder('tollgate-first-start'), 'data');
  const [outside, port, operationsPort] = [await startOutside(), await freePort(), await freePort()];
  const app = await ManagedProcess.start({
    name: 'first start',
    script: appScript('standalone'),
    nodeArgs: shortLived,
    cwd: repository,
    env: {
      ...outside.environment,
      TOLLGATE_PORT: String(port),
      TOLLGATE_OPERATIONS_PORT: String(operationsPort),
      TOLLGATE_DATA: dataFolder,
      TOLLGATE_ADMIN_SECRET: 'admin-secret-of-the-first-start',
    },
    readyWhen: `http://127.0.0.1:${port}/healthz`,
    readyWithinMs: 120_000,
  });
  await app.stop();
  await outside.stop();
  try {
    renameSync(dataFolder, target);
  } catch (error) {
    // Another worker of vitest was faster; its folder is as good.
    if (!existsSync(target)) throw error;
  }
}
