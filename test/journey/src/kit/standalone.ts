import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, tempFolder } from '@tollgate/infra';
import { FAILURES_OF_JOURNEYS } from './failures-of-journeys.js';
import { appScript, repository, shortLived } from './app-script.js';
import { copyFirstStart } from './first-start.js';
import { ManagedProcess } from './managed-process.js';
import { GREETED } from './newcomer.js';
import { startOutside, type Outside } from './outside.js';
import type { Shape } from './shape.js';
import { filesUnder } from './stored-bytes.js';
import { TollgateClient } from './tollgate-client.js';

export interface StandaloneOptions {
  /** Default: one that a first start and a stop have left. One that is not there yet makes this the first start. */
  readonly dataFolder?: string;
  /** Default: one that is free. */
  readonly port?: number;
  /** Null: the app is told none and makes its own. Default: a random one. */
  readonly adminSecret?: string | null;
  /** The provider, GitHub and configuration to use; default: fresh ones, which then end with the shape. */
  readonly outside?: Outside;
  /** Default: it serves few requests and ends soon (`shortLived`). True: it is put under load. */
  readonly underLoad?: boolean;
  /** Further variables. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface StandaloneShape extends Shape {
  readonly name: 'standalone';
  readonly dataFolder: string;
  readonly process: ManagedProcess;
}

/**
 * Starts the one-process shape on its embedded parts: no server's address is in its environment. Resolves when
 * `/healthz` says 200.
 */
export async function startStandalone(options: StandaloneOptions = {}): Promise<StandaloneShape> {
  const outside = options.outside ?? (await startOutside());
  const dataFolder = options.dataFolder ?? join(tempFolder('tollgate-standalone'), 'data');
  const adminSecret =
    options.adminSecret === undefined ? `admin-${randomBytes(24).toString('hex')}` : options.adminSecret;
  const ownerPassword = `owner-${randomBytes(24).toString('hex')}`;
  const embedded = options.environment?.['DATABASE_URL'] === undefined;
  if (options.dataFolder === undefined && adminSecret !== null && embedded) await copyFirstStart(dataFolder);
  const settings = await standaloneSettings({ ...options, dataFolder, adminSecret });
  const app = await ManagedProcess.start({
    name: 'standalone',
    script: appScript('standalone'),
    nodeArgs: options.underLoad === true ? [] : shortLived,
    cwd: repository,
    env: {
      ...settings.environment,
      INIT_OWNER_PASSWORD: ownerPassword,
      ...outside.environment,
      ...options.environment,
    },
    readyWhen: GREETED,
    readyWithinMs: 120_000,
  });
  const canaries = {
    keySecrets: new Set<string>(),
    deploymentSecrets: new Set([
      outside.providerCredential,
      ownerPassword,
      ...(adminSecret === null ? [] : [adminSecret]),
    ]),
  };
  const client = new TollgateClient(settings.url, adminSecret ?? '', canaries.keySecrets);
  return {
    name: 'standalone',
    gateways: [{ url: settings.url, process: app, dataFolder }],
    adminSecret: adminSecret ?? '',
    ownerEmail: 'owner@localhost',
    ownerPassword,
    simulator: outside.simulator,
    providerCredential: outside.providerCredential,
    github: outside.github,
    strangeGithub: outside.strangeGithub,
    mailFolder: join(dataFolder, 'mail'),
    canaries,
    processes: [app],
    client: () => client,
    async *storedBytes() {
      yield* filesUnder(dataFolder);
    },
    stop: async () => {
      const exit = await app.stop();
      await client.close();
      if (options.outside === undefined) await outside.stop();
      return [exit];
    },
    dataFolder,
    process: app,
  };
}

/** What the app is told in its environment, and where it will answer. */
export async function standaloneSettings({
  port,
  dataFolder,
  adminSecret,
}: {
  port?: number;
  dataFolder: string;
  adminSecret: string | null;
}) {
  const publicPort = port ?? (await freePort());
  return {
    url: `http://127.0.0.1:${publicPort}`,
    environment: {
      TOLLGATE_PORT: String(publicPort),
      TOLLGATE_OPERATIONS_PORT: String(await freePort()),
      TOLLGATE_DATA: dataFolder,
      ...FAILURES_OF_JOURNEYS,
      ...(adminSecret === null ? {} : { TOLLGATE_ADMIN_SECRET: adminSecret }),
    },
  };
}
