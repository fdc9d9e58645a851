import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ADMIN_API_DEFAULT } from '@tollgate/auth';
import { KEY_MANAGEMENT_API, type KeyManagementApi, type UsageBillingApi } from '@tollgate/contracts';
import type { Peppers } from '@tollgate/api-key';
import { createNestServer } from '@tollgate/http';
import type { Mail } from '@tollgate/mail';
import { migrate, openDatabase, startEmbeddedPostgres, type Database } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger } from '@tollgate/telemetry';
import { KeyManagementModule } from './key-management.module.js';
import { keyManagementEntities } from './store/entities.js';
import { distributedPorts, type KeyManagementPorts, type KeyManagementSettings } from './ports.js';
import { keyManagementSchema } from './store/migrations/index.js';

export const PEPPER = 'a pepper of the test';
export const ADMIN = 'the-admin-secret-of-the-test';

/** How long sessions of the stage last: half a day unused, and a week in all. */
const SESSIONS = { idleMs: 12 * 3_600_000, lifeMs: 7 * 86_400_000 };

/** For specs: the service on an embedded PostgreSQL of its own, without a listener. Send requests by `app.inject`. */
export interface KeyManagementStage {
  /** Mails that were sent, the first one first. */
  readonly mails: readonly Mail[];
  readonly database: Database;
  readonly app: NestFastifyApplication;
  readonly api: KeyManagementApi;
  stop(): Promise<void>;
}

const NO_ROUTES = { routes: [], prices: [], reachableProviders: null };

@Module({ imports: [KeyManagementModule] })
class StageModule {}

type Outside = Pick<KeyManagementPorts, 'snapshots' | 'bus' | 'registry'> & {
  /** By default it loads accounts of which nothing is used, and knows no subscription. */
  readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'> &
    Partial<
      Pick<UsageBillingApi, 'accountBalances' | 'endBudget' | 'endSubscriptions' | 'loadAccount' | 'subscriptionOfKey'>
    >;
  /** By default `PEPPER` alone. */
  readonly peppers?: Peppers;
};

export async function startKeyManagement(
  outside: Outside,
  server: { readonly bodyLimitBytes?: number } = {},
  settings: Partial<KeyManagementSettings> = {},
): Promise<KeyManagementStage> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-keys-'));
  const ends: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  const mails: Mail[] = [];
  try {
    const embedded = await startEmbeddedPostgres(join(folder, 'postgres'));
    ends.push(() => embedded.close());
    await migrate(embedded.url, keyManagementSchema);
    const database = await openDatabase({
      url: embedded.url,
      poolSize: 1,
      applicationName: 'test',
      entities: keyManagementEntities,
    });
    ends.push(() => database.close());
    const logger = createLogger({ service: 'test', level: 'silent' });
    const ports = distributedPorts({
      ...outside,
      usageBilling: {
        loadAccount: async () => ({ postedNanoUsd: '0' }),
        subscriptionOfKey: async () => null,
        accountBalances: async () => [],
        endBudget: () => Promise.resolve(),
        endOrganization: () => Promise.resolve(),
        endSubscriptions: () => Promise.resolve(),
        ...outside.usageBilling,
      },
      mail: {
        send: async (mail) => {
          mails.push(mail);
        },
      },
      database,
      logger,
      adminSecrets: [ADMIN],
      serviceSecrets: ['the-service-secret-of-the-test'],
      sealing: sealingFrom({ pepper: PEPPER }),
      adminApi: ADMIN_API_DEFAULT,
      settings: {
        peppers: outside.peppers ?? [PEPPER],
        keyMarker: 'TestMark',
        initOwnerEmail: 'owner@localhost',
        initOwnerPassword: null,
        sessions: SESSIONS,
        oidcPrivateNetwork: true,
        dnsServers: [],
        oauthWithoutChallenge: false,
        config: NO_ROUTES,
        ...settings,
      },
    });
    const app = await createNestServer({ module: StageModule, imports: [ports] }, { logger, ...server });
    ends.push(() => app.close());
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return { mails, database, app, api: app.get<KeyManagementApi>(KEY_MANAGEMENT_API), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
