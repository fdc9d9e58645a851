import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  asRole,
  freePort,
  infraFromEnvironment,
  startProcess,
  tempFolder,
  waitUntil,
  type RunningProcess,
} from '@tollgate/infra';
import { appEnvironment, type DistributedApp } from '@tollgate/journey';
import { rolesOf } from '@tollgate/postgres';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';

const SERVICES = [
  ['key-management', 'keys'],
  ['usage-billing', 'billing'],
  ['secret-scanning', 'scanning'],
] as const;
type Service = (typeof SERVICES)[number][0];
type Settings = Readonly<Record<string, string>>;

const distOf = (service: DistributedApp, file: string): string =>
  fileURLToPath(new URL(`../../../apps/${service}/dist/${file}`, import.meta.url));

function started(service: Service, settings: Settings, { cwd = tempFolder('migrate'), file = 'migrate.js' } = {}) {
  return startProcess({
    name: `${service} ${file}`,
    command: process.execPath,
    args: [distOf(service, file)],
    env: { ...settings },
    cwd,
  });
}

async function ended(running: Promise<RunningProcess>) {
  const process = await running;
  return { ...(await process.closed), output: process.output() };
}

const migrated = (service: Service, settings: Settings, cwd?: string) =>
  ended(started(service, settings, cwd === undefined ? {} : { cwd }));

/** As a chart says it: the service's role, and the owner for the job alone. */
function addressesOf(databaseUrl: string, schema: (typeof SERVICES)[number][1]) {
  const DATABASE_URL = asRole(databaseUrl, rolesOf(schema).service);
  return {
    job: { DATABASE_URL, DATABASE_MIGRATION_URL: databaseUrl },
    pod: { DATABASE_URL, TOLLGATE_MIGRATIONS: 'wait' },
  };
}

async function asked(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const laterMigration = (schema: string, name: string, readableFrom: string) =>
  `INSERT INTO ${schema}.migration ("timestamp", name, readable_from) VALUES (1900000000000, '${name}', '${readableFrom}')`;

describe.each(SERVICES)('the job that migrates for %s', (service, schema) => {
  it('migrates once however many run at once, finds nothing to do afterwards, and leaves no file', async () => {
    const { job, pod } = addressesOf(await infraFromEnvironment().createDatabase(), schema);
    const folder = tempFolder('migrate');
    const waiting = ended(started(service, pod));
    for (const run of await Promise.all([1, 2].map(() => migrated(service, job, folder))))
      expect([run.code, run.output]).toEqual([0, `${service}: the schema ${schema} is up to date\n`]);
    const { code, output } = await waiting;
    expect(code, output).toBe(0);
    expect((await migrated(service, job, folder)).code).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('succeeds on the schema of a later release that left it usable, as does who waits, and refuses another', async () => {
    const url = await infraFromEnvironment().createDatabase();
    const { job, pod } = addressesOf(url, schema);
    expect((await migrated(service, job)).code).toBe(0);
    await asked(url, laterMigration(schema, 'Harmless1900000000000', '0.1.0'));
    for (const settings of [job, pod]) {
      const { code, output } = await migrated(service, settings);
      expect([code, output]).toEqual([
        0,
        `${service}: a later release has migrated the schema ${schema}, and left it readable for this one: Harmless1900000000000\n` +
          `${service}: the schema ${schema} is up to date\n`,
      ]);
    }
    await asked(url, laterMigration(schema, 'Breaking1900000000001', '99.0.0'));
    for (const settings of [job, pod]) {
      const { code, output } = await migrated(service, settings);
      expect(code).toBe(1);
      expect(output).toMatch(
        new RegExp(
          `^${service} was not migrated: DATABASE_URL: .*Breaking1900000000001, readable from release 99.*\n$`,
        ),
      );
    }
  });
});

/** A configuration whose provider needs no credential. */
function smallConfig(): string {
  const file = join(tempFolder('migrate-config'), 'config.yaml');
  const targets = [{ provider: 'mine', model: 'm' }];
  const config = {
    providers: [{ name: 'mine', base_url: 'https://provider.example/v1' }],
    routes: [{ name: 'm', targets }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

describe('whoever waits for a schema', () => {
  it('says what for: a server, a database, a migration; and ends once it is there', async () => {
    const url = new URL(await infraFromEnvironment().createDatabase());
    const name = `${url.pathname.slice(1)}_later`;
    const { job, pod } = addressesOf(Object.assign(new URL(url), { pathname: `/${name}` }).href, 'keys');
    const running = await started('key-management', pod);
    const says = (text: RegExp) =>
      waitUntil(async () => text.test(running.output()), { what: `${text} in ${running.output()}` });
    await says(
      /key-management: waiting until the schema keys has been brought up to date by another process: .*does not/,
    );
    await asked(url.href, `CREATE DATABASE ${name}`);
    expect((await migrated('key-management', job)).code).toBe(0);
    expect(await running.exited).toEqual({ code: 0, signal: null });
    expect(running.output()).toMatch(/key-management: the schema keys is up to date\n$/);
  });

  it('waits for a server that is away, until a signal ends it as a failure', async () => {
    const running = await started('usage-billing', {
      DATABASE_URL: 'postgres://tollgate_billing:hunter22@127.0.0.1:1/tollgate',
      TOLLGATE_MIGRATIONS: 'wait',
    });
    await waitUntil(async () => running.output().includes('ECONNREFUSED'), { what: 'the line' });
    running.kill('SIGTERM');
    expect(await running.exited).toEqual({ code: 143, signal: null });
    expect(running.output()).not.toMatch(/hunter22|\n {4}at /);
  });

  it('is a service too, which migrates nothing itself and starts on the schema that the job has made', async () => {
    const databaseUrl = await infraFromEnvironment().createDatabase();
    const { job, pod } = addressesOf(databaseUrl, 'keys');
    const { redisUrl, kafkaBrokers } = infraFromEnvironment();
    const port = await freePort();
    const environment = appEnvironment(
      'key-management',
      {
        databaseUrl,
        redisUrl,
        kafkaBrokers,
        topicPrefix: `migrate-${process.pid}-`,
        secrets: { admin: 'a'.repeat(16), service: 's'.repeat(16), pepper: 'p'.repeat(16) },
        urls: { keyManagement: 'http://k', usageBilling: 'http://127.0.0.1:1', secretScanning: 'http://s' },
        ownerEmail: 'owner@example.com',
        outside: { TOLLGATE_CONFIG: smallConfig() },
      },
      { port, operationsPort: await freePort() },
    );
    const { DATABASE_MIGRATION_URL: _, ...rest } = environment as Record<string, string>;
    const running = await started('key-management', { ...rest, ...pod }, { file: 'main.js' });
    const says = (text: string) =>
      waitUntil(async () => running.output().includes(text), { what: `${text} in ${running.output()}` });
    try {
      await says('waiting until the schema keys has been brought up to date by another process');
      expect((await migrated('key-management', job)).code).toBe(0);
      await says('"listening"');
    } finally {
      running.kill('SIGKILL');
      await running.exited;
    }
  });
});

describe('a job that cannot migrate', () => {
  it('says in one line why, and fails', async () => {
    for (const [settings, line] of [
      [{}, /^secret-scanning was not migrated: the environment is not as it must be:\n {2}DATABASE_URL is required\n$/],
      [
        { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', DATABASE_PASSWORD: 'hunter22' },
        /^secret-scanning was not migrated: DATABASE_URL: PostgreSQL cannot be used: connect ECONNREFUSED 127\.0\.0\.1:1\n$/,
      ],
    ] as const) {
      const { code, output } = await migrated('secret-scanning', settings);
      expect(code).toBe(1);
      expect(output).toMatch(line);
    }
  });
});
