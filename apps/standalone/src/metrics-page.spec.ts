import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { MemoryAdmission } from '@tollgate/admission';
import { ADMIN_API_DEFAULT } from '@tollgate/auth';
import { inProcessBus } from '@tollgate/bus';
import { loadConfig } from '@tollgate/config';
import { Gateway, JournalFolders } from '@tollgate/gateway';
import { BODY_BUDGET_BYTES, BodyBudget, createNestServer } from '@tollgate/http';
import { MemoryKeySnapshots } from '@tollgate/key-snapshots';
import type { Database } from '@tollgate/postgres';
import { sealedIdsFrom, sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandaloneModule } from './standalone.module.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const page = readFileSync(`${repository}docs/metrics.md`, 'utf8');
const logger = createLogger({ service: 'test', level: 'silent' });
const pepper = 'a pepper of the test';
/** An empty stand-in: no method of it is called before the application runs. */
const database = { dataSource: {}, lookUps: {} } as Database;

/** One registry for all four services, as in the standalone; it throws if a name is registered twice. */
const registry = createMetricsRegistry('test', { processMetrics: false });
let folder: string;
let app: NestFastifyApplication;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-metrics-page-'));
  const bus = inProcessBus();
  const [admission, snapshots] = [new MemoryAdmission(), new MemoryKeySnapshots()];
  const config = loadConfig(`${repository}config.yaml`, () => undefined);
  const bodyBudget = new BodyBudget(BODY_BUDGET_BYTES);
  // As gateways on a shared volume have it.
  const journalFolders = new JournalFolders(folder);
  const journal = journalFolders.openOwn();
  const module = StandaloneModule.with(
    {
      database,
      snapshots,
      admission,
      bus,
      mail: { send: () => Promise.resolve() },
      adminSecrets: ['an admin secret of the test'],
      sealing: sealingFrom({ pepper }),
      adminApi: ADMIN_API_DEFAULT,
      logger,
      registry,
      keyManagement: {
        peppers: [pepper],
        keyMarker: 'TestMark',
        initOwnerEmail: 'owner@localhost',
        initOwnerPassword: null,
        sessions: { idleMs: 1, lifeMs: 1 },
        oidcPrivateNetwork: false,
        dnsServers: [],
        oauthWithoutChallenge: false,
        config: { routes: [], prices: [], reachableProviders: null },
      },
      usageBilling: {},
      secretScanning: { peppers: [pepper], githubPublicKeysUrl: 'http://localhost/' },
    },
    {
      admission,
      bodyBudget,
      config,
      journal,
      journalFolders,
      logger,
      peppers: [pepper],
      registry,
      sealedIds: sealedIdsFrom({ pepper }),
      snapshots,
      bus: bus.publisher,
    },
  );
  app = await createNestServer(module, { logger, registry });
});
afterAll(async () => {
  await app.get(Gateway).end();
  rmSync(folder, { recursive: true });
});

describe('docs/metrics.md', () => {
  const described = [...page.matchAll(/^\| `(tollgate_\w+)` \|/gm)].map((match) => match[1]!);
  const registered = () => registry.getMetricsAsArray().map(({ name }) => name);

  it('describes every metric that is registered, and no other, each once', () => {
    expect(registered().length).toBeGreaterThan(30);
    expect([...described].sort()).toEqual([...registered()].sort());
  });

  it('has alerts on metrics that are there, and a word on an alert for each', () => {
    const series = new Set(registered().flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
    for (const [name] of page.matchAll(/tollgate_\w+/g)) expect(series, name).toContain(name);
    for (const [row] of page.matchAll(/^\| `tollgate_.*$/gm))
      expect(
        row
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim())
          .filter((cell) => cell !== ''),
        row,
      ).toHaveLength(3);
  });

  it('names the app that serves a metric by the section it stands in', () => {
    for (const section of page.split(/^## /m).slice(1)) {
      const app = section.split('\n', 1)[0]!.toLowerCase().replace(/-/g, '_');
      for (const [, name] of section.matchAll(/^\| `(tollgate_\w+)` \|/gm))
        expect(name).toMatch(new RegExp(`^tollgate_${app}_`));
    }
  });
});
