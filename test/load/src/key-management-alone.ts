import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, spawnApp, type RunningProcess } from '@tollgate/infra';
import { scriptOf, thisBuild } from './former-build.js';

/** The secrets of the service that is measured. */
export const secrets = {
  admin: `admin-${randomBytes(24).toString('hex')}`,
  service: `service-${randomBytes(24).toString('hex')}`,
  pepper: `pepper-${randomBytes(24).toString('hex')}`,
};
/** More than the bench asks for: it measures the work, and the limits have tests of their own. */
const LIMITS = { TOLLGATE_ADMIN_CALLS_PER_SECOND: '100000', TOLLGATE_ADMIN_CALLS_AT_ONCE: '100000' };

/** key-management by itself. */
export interface Served {
  readonly url: string;
  readonly process: RunningProcess;
}

/** Starts key-management on these servers, which its variables name, without its limits on callers. */
export async function startKeyManagement(folder: string, servers: Record<string, string>): Promise<Served> {
  const [port, operationsPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const process = await spawnApp({
    name: 'key-management',
    script: scriptOf(thisBuild, 'key-management'),
    cwd: thisBuild.folder,
    env: {
      ...servers,
      ...LIMITS,
      KAFKA_TOPIC_PREFIX: `admin-bench-${randomBytes(4).toString('hex')}-`,
      TOLLGATE_HOST: '127.0.0.1',
      TOLLGATE_PORT: String(port),
      TOLLGATE_OPERATIONS_PORT: String(operationsPort),
      TOLLGATE_DATA: join(folder, 'key-management'),
      TOLLGATE_ADMIN_SECRET: secrets.admin,
      TOLLGATE_SERVICE_SECRET: secrets.service,
      TOLLGATE_PEPPER: secrets.pepper,
      TOLLGATE_PUBLIC_URL: url,
      // Nobody answers there: keys are shown without their spending.
      USAGE_BILLING_URL: `http://127.0.0.1:${await freePort()}`,
      LOG_LEVEL: 'warn',
    },
    readyWhen: `http://127.0.0.1:${operationsPort}/readyz`,
    readyWithinMs: 60_000,
  });
  return { url, process };
}
