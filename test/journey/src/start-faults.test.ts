import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  freePort,
  infraFromEnvironment,
  smallDisk,
  spawnApp,
  tempFolder,
  waitUntil,
  withoutRootsRights,
} from '@tollgate/infra';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appEnvironment, type DistributedApp } from './kit/app-environments.js';
import { appScript, repository } from './kit/app-script.js';
import { queryDatabase } from './kit/database.js';
import { startOutside, type Outside } from './kit/outside.js';
import { writeConfig } from './kit/provider-config.js';
import { refusedStart } from './kit/refused-start.js';
import { standaloneSettings, startStandalone } from './kit/standalone.js';

type Environment = Readonly<Record<string, string>>;

let outside: Outside;
beforeAll(async () => {
  outside = await startOutside();
});
afterAll(() => outside?.stop());

const newFolder = () => join(tempFolder('tollgate-start-fault'), 'data');

/**
 * Starts a standalone that must be refused: one line on standard error that begins with the setting, no stack, exit
 * code 1.
 */
async function refusal(wrong: Environment, dataFolder = newFolder()): Promise<string> {
  const { environment } = await standaloneSettings({ dataFolder, adminSecret: 'admin-secret-of-the-test' });
  return theLine(await refusedStart('standalone', { ...outside.environment, ...environment, ...wrong }));
}

function theLine({ output, refusals, code }: Awaited<ReturnType<typeof refusedStart>>): string {
  expect(code, output).toBe(1);
  expect(output).not.toMatch(/\n {4}at |"level":"(?:error|fatal)"|hunter22|\[object Object\]/);
  expect(refusals, output).toHaveLength(1);
  return refusals[0]!;
}

describe('a data folder that cannot be used', () => {
  // Mounting takes root, and in most containers more: elsewhere the file system's answers are a table in
  // libs/server/app-process alone.
  const tmpfs = (mib: number) => {
    const disk = smallDisk(mib);
    if (disk === null)
      process.stderr.write('this process may not mount: starts on a full and on a read-only disk were not tried\n');
    return disk;
  };

  it('is said of a full disk, before and after its first start, and it starts well once there is room', async () => {
    const tooSmall = tmpfs(12);
    if (tooSmall === null) return;
    try {
      const folder = join(tooSmall.folder, 'data');
      expect(await refusal({}, folder)).toMatch(
        /^tollgate did not start: TOLLGATE_DATA: no space is left on the disk of \/.*: it takes 64 MiB, and \d+ MiB are free/,
      );
      tooSmall.fill();
      expect(await refusal({}, folder)).toMatch(
        /^tollgate did not start: TOLLGATE_DATA: no space is left on the disk of \//,
      );
    } finally {
      tooSmall.remove();
    }
    const disk = tmpfs(160)!;
    try {
      const shape = await startStandalone({ outside, dataFolder: join(disk.folder, 'data') });
      expect(await shape.process.stop()).toEqual({ code: 0, signal: null });
      disk.fill();
      expect(await refusal({}, shape.dataFolder)).toContain('TOLLGATE_DATA: no space is left on the disk of');
      disk.makeRoom();
      await shape.process.startAgain();
      expect((await shape.client().createKey()).state).toBe('active');
      await shape.stop();
      disk.makeReadOnly();
      expect(await refusal({}, shape.dataFolder)).toContain(
        `TOLLGATE_DATA: ${shape.dataFolder} is on a read-only file system`,
      );
      expect(await refusal({}, join(disk.folder, 'new'))).toContain(
        `TOLLGATE_DATA: ${join(disk.folder, 'new')} is on a read-only file system`,
      );
    } finally {
      disk.remove();
    }
  });

  it('is said of a folder that cannot be made, without a try that never ends', async () => {
    expect(await refusal({ TOLLGATE_DATA: '/proc/nope' })).toMatch(/TOLLGATE_DATA: \/proc\/nope /);
    expect(await refusal({ TOLLGATE_DATA: '/proc/nope/deeper' })).toMatch(/TOLLGATE_DATA: \/proc\/nope\/deeper /);
  });

  it('is said of a file where a folder should be', async () => {
    const file = join(tempFolder('tollgate-start-fault'), 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'data')])
      expect(await refusal({ TOLLGATE_DATA: path })).toContain(
        `TOLLGATE_DATA: ${path} is, or is under, a file; name a folder`,
      );
    const folder = newFolder();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'journal'), '');
    expect(await refusal({ TOLLGATE_DATA: folder })).toContain(
      `TOLLGATE_DATA: ${join(folder, 'journal')} is, or is under, a file`,
    );
  });
});

describe('a setting that cannot be', () => {
  it('is named, with what it may be', async () => {
    const said = async (wrong: Environment) => {
      const { environment } = await standaloneSettings({ dataFolder: newFolder(), adminSecret: null });
      return refusedStart('standalone', { ...outside.environment, ...environment, ...wrong });
    };
    for (const value of ['yes', 'ON', '1']) {
      const { output, code } = await said({ TOLLGATE_SIMULATOR: value });
      expect(output).toContain('TOLLGATE_SIMULATOR must be on or off');
      expect(code).toBe(1);
    }
    const config = writeConfig([{ name: 'mine', baseUrl: 'https://provider.example.com/v1/chat/completions' }]);
    expect((await said({ TOLLGATE_CONFIG: config })).output).toContain(
      'must end before the endpoint, which is added to it: write https://provider.example.com/v1\n',
    );
  });
});

describe('a database that cannot be used', () => {
  const migrated = async () => {
    const url = await infraFromEnvironment().createDatabase();
    const shape = await startStandalone({ outside, environment: { DATABASE_URL: url } });
    await shape.stop();
    return url;
  };

  it('is said of one that a later release has made unreadable for this one, and of a role without rights', async () => {
    const url = await migrated();
    const later = (name: string, readableFrom: string | null) =>
      queryDatabase(
        url,
        `INSERT INTO billing.migration ("timestamp", name, readable_from) VALUES (1900000000000, $1, $2)`,
        [name, readableFrom],
      );
    await later('Harmless1900000000000', '0.1.0');
    const shape = await startStandalone({ outside, environment: { DATABASE_URL: url } });
    expect(shape.process.output().match(/^.*Harmless1900000000000.*$/gm), 'one log line names it').toHaveLength(1);
    await shape.stop();
    await later('Breaking1900000000000', '99.0.0');
    expect(await refusal({ DATABASE_URL: url })).toMatch(
      /^tollgate did not start: DATABASE_URL: .*billing.*Breaking1900000000000, readable from release 99\.0\.0 on/,
    );

    const role = `powerless_${process.pid}_${Date.now()}`;
    await queryDatabase(url, `CREATE ROLE ${role} LOGIN PASSWORD 'hunter22hunter22'`);
    const powerless = new URL(url);
    [powerless.username, powerless.password] = [role, 'hunter22hunter22'];
    expect(await refusal({ DATABASE_URL: powerless.href })).toMatch(
      /^tollgate did not start: DATABASE_URL: .*permission denied/,
    );
  });

  it('is said of one that another standalone uses, for as long as that lives', async () => {
    const url = await infraFromEnvironment().createDatabase();
    const environment = { DATABASE_URL: url, TOLLGATE_PEPPER: 'one pepper for both standalones' };
    const first = await startStandalone({ outside, environment });
    const line = await refusal({ DATABASE_URL: url });
    expect(line).toMatch(
      new RegExp(
        `^tollgate did not start: DATABASE_URL: another standalone uses this database: tollgate standalone \\w+, pid ${first.process.pid} on `,
      ),
    );
    expect((await first.client().createKey()).state).toBe('active');
    const neighbour = await startStandalone({
      outside,
      environment: { DATABASE_URL: await infraFromEnvironment().createDatabase() },
    });
    await neighbour.stop();
    await first.process.kill();
    const next = await startStandalone({ outside, environment });
    await next.stop();
    await first.stop();
  });

  it('is left by a standalone that has lost it to another one, which would not be heard of', async () => {
    const url = await infraFromEnvironment().createDatabase();
    const shape = await startStandalone({ outside, environment: { DATABASE_URL: url } });
    // The other one waits for the lock, so that it gets it the moment the session that has it is ended.
    const other = new Client({ connectionString: url, application_name: 'tollgate standalone of the test' });
    await other.connect();
    // Other tests use the same server.
    const locks = `FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    const [{ classid, objid }] = (await queryDatabase<{ classid: string; objid: string }>(
      url,
      `SELECT classid::text, objid::text ${locks}`,
    )) as [{ classid: string; objid: string }];
    const taken = other.query('SELECT pg_advisory_lock($1::integer, $2::integer)', [classid, objid]);
    await waitUntil(async () => (await queryDatabase(url, `SELECT 1 ${locks} AND NOT granted`)).length === 1, {
      what: 'the other one to wait',
    });
    await queryDatabase(url, `SELECT pg_terminate_backend(pid) ${locks} AND granted`);
    await taken;
    expect(await shape.process.exited()).toEqual({ code: 1, signal: null });
    expect(shape.process.output()).toMatch(
      /"level":"fatal".*another standalone has taken the database: tollgate standalone/,
    );
    await other.end();
    await shape.stop();
  });
});

describe('a service on its own', () => {
  const deployment = {
    databaseUrl: 'postgres://user:hunter22@127.0.0.1:1/tollgate',
    redisUrl: 'redis://127.0.0.1:1',
    kafkaBrokers: '127.0.0.1:1',
    topicPrefix: 'start-faults-',
    secrets: { admin: 'a'.repeat(16), service: 's'.repeat(16), pepper: 'p'.repeat(16) },
    urls: {
      keyManagement: 'http://127.0.0.1:1',
      usageBilling: 'http://127.0.0.1:1',
      secretScanning: 'http://127.0.0.1:1',
    },
    ownerEmail: 'owner@example.com',
  };
  const environmentOf = async (app: DistributedApp): Promise<Environment> => {
    const place = { port: await freePort(), operationsPort: await freePort(), dataFolder: newFolder() };
    return appEnvironment(app, { ...deployment, outside: outside.environment }, place);
  };
  const start = async (app: DistributedApp, wrong: Environment, through: readonly string[] = []) =>
    refusedStart(app, { ...(await environmentOf(app)), ...wrong }, through);
  const everyApp = ['standalone', 'gateway', 'key-management', 'usage-billing', 'secret-scanning'] as const;
  /** The one line of any app that must not start. */
  const lineOf = async (app: (typeof everyApp)[number], wrong: Environment, through: readonly string[] = []) => {
    if (app !== 'standalone') return theLine(await start(app, wrong, through));
    const { environment } = await standaloneSettings({ dataFolder: newFolder(), adminSecret: 'admin-of-the-test' });
    return theLine(await refusedStart(app, { ...outside.environment, ...environment, ...wrong }, through));
  };
  const startsAs = (app: string): string => `${app === 'standalone' ? 'tollgate' : app} did not start: `;

  it.each(everyApp)('is one whose configuration cannot be read, in one line: %s', async (app) => {
    const folder = tempFolder('tollgate-start-fault');
    const file = (name: string, content: string, mode = 0o600): string => {
      const path = join(folder, name);
      writeFileSync(path, content);
      chmodSync(path, mode);
      return path;
    };
    const modesBind = withoutRootsRights();
    if (modesBind === null) process.stderr.write('setpriv is missing: files that root may not read were not tried\n');
    const cases: [string, string, (readonly string[])?][] = [
      [join(folder, 'nowhere.yaml'), 'there is no such file'],
      [join(file('a-file', ''), 'config.yaml'), 'there is no such file'],
      [folder, 'it is a folder'],
      [file('empty.yaml', ' \n'), 'it is empty'],
      ...(modesBind === null
        ? []
        : [[file('hidden.yaml', '{}', 0o000), 'this user may not read it', modesBind] as [string, string, string[]]]),
    ];
    for (const [path, reason, through] of cases)
      expect(await lineOf(app, { TOLLGATE_CONFIG: path }, through)).toBe(
        `${startsAs(app)}cannot read the configuration file ${path}: ${reason} (TOLLGATE_CONFIG names another one)`,
      );
  });

  it.each(['standalone', 'gateway'] as const)('is one that may not write to its folder: %s', async (app) => {
    const modesBind = withoutRootsRights();
    if (modesBind === null) return;
    const parent = tempFolder('tollgate-start-fault');
    chmodSync(parent, 0o500);
    expect(await lineOf(app, { TOLLGATE_DATA: join(parent, 'data') }, modesBind)).toMatch(
      /did not start: TOLLGATE_DATA: this user may not write to .*; change its owner, or name another folder$/,
    );
  });

  it.each(everyApp)('is one whose secrets are given wrongly, and repeats none of them: %s', async (app) => {
    const given = { TOLLGATE_PEPPER: 'hunter22-hunter22', TOLLGATE_PEPPER_FILE: '/hunter22' };
    const refused = async (wrong: Environment) => {
      const { environment } = await standaloneSettings({ dataFolder: newFolder(), adminSecret: 'admin-of-the-test' });
      const { output, code } =
        app === 'standalone' ? await refusedStart(app, { ...environment, ...wrong }) : await start(app, wrong);
      expect(code, output).toBe(1);
      expect(output).not.toMatch(/\n {4}at |hunter22/);
      return output;
    };
    expect(await refused(given)).toContain('TOLLGATE_PEPPER and TOLLGATE_PEPPER_FILE are both set');
    const database = app === 'gateway' ? 'REDIS_URL' : 'DATABASE_URL';
    const scheme = app === 'gateway' ? 'redis' : 'postgres';
    expect(
      await refused({
        TOLLGATE_PEPPER: '',
        TOLLGATE_PEPPER_FILE: '/hunter22/of/nowhere',
        [database]: `${scheme}://user:hunter22#x@127.0.0.1/1`,
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
      }),
    ).toMatch(
      new RegExp(
        `TOLLGATE_PEPPER_FILE names a file that does not exist[^]*NODE_TLS_REJECT_UNAUTHORIZED must not be 0[^]*${database} must be a URL`,
      ),
    );
  });

  it('is a gateway that refuses to start without a credential, and names provider and variable in one line', async () => {
    const { simulator } = outside;
    const config = writeConfig([
      { name: 'one', baseUrl: simulator.baseUrl, variable: 'ONE_KEY' },
      { name: 'two', baseUrl: simulator.baseUrl, variable: 'TWO_KEY' },
      { name: 'three', baseUrl: simulator.baseUrl },
    ]);
    expect(theLine(await start('gateway', { TOLLGATE_CONFIG: config, ONE_KEY: 'set' }))).toBe(
      'gateway did not start: TWO_KEY: provider two has no credential: TWO_KEY is not set; set it, or let the provider say optional: true in config.yaml',
    );
  });

  it('is no gateway whose provider may be without a credential, or has no route: its log says so', async () => {
    const config = JSON.parse(
      readFileSync(
        writeConfig([
          { name: 'one', baseUrl: outside.simulator.baseUrl },
          { name: 'two', baseUrl: outside.simulator.baseUrl, variable: 'TWO_KEY' },
          { name: 'three', baseUrl: outside.simulator.baseUrl, variable: 'THREE_KEY' },
        ]),
        'utf8',
      ),
    ) as { providers: { name: string; optional?: boolean }[]; routes: { targets: { provider: string }[] }[] };
    config.providers[1]!.optional = true;
    config.routes = config.routes.filter(({ targets }) => targets.every(({ provider }) => provider !== 'three'));
    const path = join(tempFolder('tollgate-start-fault'), 'config.yaml');
    writeFileSync(path, JSON.stringify(config));
    const running = await spawnApp({
      name: 'gateway',
      script: appScript('gateway'),
      cwd: repository,
      env: { ...(await environmentOf('gateway')), TOLLGATE_CONFIG: path },
      readyWhen: /"THREE_KEY"/,
    });
    running.kill('SIGKILL');
    await running.exited;
    const lines = running.output().match(/^.*its targets are passed over.*$/gm) ?? [];
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 'warn', provider: 'two', missing: ['TWO_KEY'] },
      { level: 'warn', provider: 'three', missing: ['THREE_KEY'] },
    ]);
  });

  it('is a gateway whose folder cannot be used', async () => {
    expect(theLine(await start('gateway', { TOLLGATE_DATA: '/proc/nope' }))).toMatch(
      /^gateway did not start: TOLLGATE_DATA: \/proc\/nope[ /]/,
    );
    const disk = smallDisk(1);
    if (disk === null) return;
    try {
      disk.fill();
      expect(theLine(await start('gateway', { TOLLGATE_DATA: disk.folder }))).toMatch(
        /^gateway did not start: TOLLGATE_DATA: no space is left/,
      );
    } finally {
      disk.remove();
    }
  });

  it.each<DistributedApp>(['key-management', 'usage-billing', 'secret-scanning'])(
    'is one whose database is away: %s',
    async (app) => {
      const refused = await start(app, { TOLLGATE_OPERATION_HOST: '0.0.0.0' });
      expect(theLine(refused)).toBe(
        `${app} did not start: DATABASE_MIGRATION_URL: PostgreSQL cannot be used: connect ECONNREFUSED 127.0.0.1:1`,
      );
      expect(refused.output).toMatch(
        /"level":"warn".*TOLLGATE_OPERATION_HOST is no variable that Tollgate knows.*TOLLGATE_OPERATIONS_HOST/,
      );
    },
  );

  it.each<DistributedApp>(['gateway', 'key-management', 'usage-billing', 'secret-scanning'])(
    'is one whose port is taken: %s',
    async (app) => {
      const taken = String(outside.simulator.port);
      for (const variable of ['TOLLGATE_PORT', 'TOLLGATE_OPERATIONS_PORT']) {
        expect(theLine(await start(app, { [variable]: taken }))).toMatch(
          new RegExp(`^${app} did not start: ${variable}: port ${taken} of 127\\.0\\.0\\.1 is taken`),
        );
      }
    },
  );
});
