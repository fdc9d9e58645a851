import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort, infraFromEnvironment, smallDisk, tempFolder } from '@tollgate/infra';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { appScript, repository, shortLived } from './kit/app-script.js';
import { startOutside, type Outside } from './kit/outside.js';
import { refusedStart } from './kit/refused-start.js';
import { standaloneSettings, startStandalone } from './kit/standalone.js';

type Environment = Readonly<Record<string, string>>;

/** Many starts follow each other; on a busy machine each takes some seconds. */
const SLOW_MS = 300_000;
const ADMIN = 'admin-secret-of-the-test';
let outside: Outside;
vi.setConfig({ testTimeout: SLOW_MS });
beforeAll(async () => {
  outside = await startOutside();
});
afterAll(() => outside?.stop());

const newFolder = () => join(tempFolder('tollgate-data-folder'), 'data');

/** Starts a standalone that must be refused: the one line that says why. */
async function refusal(dataFolder: string, environment: Environment = {}): Promise<string> {
  const settings = await standaloneSettings({ dataFolder, adminSecret: ADMIN });
  const { output, refusals, code } = await refusedStart('standalone', {
    ...outside.environment,
    ...settings.environment,
    ...environment,
  });
  expect(code, output).toBe(1);
  expect(output).not.toMatch(/\n {4}at /);
  expect(refusals, output).toHaveLength(1);
  return refusals[0]!;
}

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

describe('a data folder that has lost a part', () => {
  it('is refused and left as it is, whatever is lost; with the part back its keys are known', async () => {
    const shape = await startStandalone({ outside, adminSecret: ADMIN });
    const key = await shape.client().createKey();
    await shape.process.kill();
    const { dataFolder } = shape;
    const whole = `${dataFolder}.whole`;
    cpSync(dataFolder, whole, { recursive: true });
    for (const part of ['postgres/PG_VERSION', 'postgres', 'instance.json', 'journal']) {
      const aside = `${dataFolder}.aside`;
      renameSync(join(dataFolder, part), aside);
      const line = await refusal(dataFolder);
      expect(line).toMatch(/^tollgate did not start: TOLLGATE_DATA: /);
      expect(line).toContain(`${join(dataFolder, part)} is missing, although`);
      expect(existsSync(join(dataFolder, part)), part).toBe(false);
      renameSync(aside, join(dataFolder, part));
    }
    rmSync(join(dataFolder, 'postgres', 'global'), { recursive: true });
    expect(await refusal(dataFolder)).toContain(
      `TOLLGATE_DATA: ${join(dataFolder, 'postgres')} cannot be opened as a database`,
    );
    rmSync(dataFolder, { recursive: true });
    cpSync(whole, dataFolder, { recursive: true });
    writeFileSync(join(dataFolder, 'lock'), 'junk');
    expect(await refusal(dataFolder)).toContain(`TOLLGATE_DATA: ${join(dataFolder, 'lock')} is no lock`);
    rmSync(join(dataFolder, 'lock'));
    await shape.process.startAgain();
    expect((await shape.client().chat(key.secret)).status).toBe(200);
    await shape.stop();
  });
});

describe('a first start', () => {
  /** What appears in the folder, in this order: the process is killed the moment that it does. */
  const steps = [
    'lock',
    'manifest.json',
    'instance.json',
    'postgres.new',
    'postgres.new/PG_VERSION',
    'postgres',
    'journal',
    'journal/journal.json',
  ];

  it('works after kills of those before it at each of its steps', async () => {
    const dataFolder = newFolder();
    const { environment } = await standaloneSettings({ dataFolder, adminSecret: ADMIN });
    for (const step of steps) {
      const app = spawn(process.execPath, [...shortLived, appScript('standalone')], {
        cwd: repository,
        env: { PATH: process.env['PATH'], ...outside.environment, ...environment },
        stdio: 'ignore',
      });
      const exited = once(app, 'exit');
      while (!existsSync(join(dataFolder, step)) && app.exitCode === null) await pause(1);
      app.kill('SIGKILL');
      expect(await exited, `killed at ${step}`).toEqual([null, 'SIGKILL']);
    }
    const shape = await startStandalone({ outside, dataFolder, adminSecret: ADMIN });
    const key = await shape.client().createKey();
    expect((await shape.client().chat(key.secret)).status).toBe(200);
    expect(readdirSync(dataFolder).filter((name) => name.endsWith('.new'))).toEqual([]);
    await shape.stop();
  });
});

describe('the secrets of an installation', () => {
  const [one, other] = ['a pepper of the test, number one', 'a pepper of the test, number two'];

  it('are given or kept: the last admin secret counts, and a given pepper is nowhere on disk', async () => {
    const dataFolder = newFolder();
    const statusWith = async (url: string, secret: string) =>
      (await fetch(`${url}/v1/api-keys`, { headers: { authorization: `Bearer ${secret}` } })).status;
    const [a, b] = ['admin-secret-number-a', 'admin-secret-number-b'];
    const environment = { TOLLGATE_PEPPER: one };
    for (const [adminSecret, accepted] of [
      [a, [200, 401]],
      [b, [401, 200]],
      [null, [401, 200]],
    ] as const) {
      const shape = await startStandalone({ outside, dataFolder, adminSecret, environment });
      const { url } = shape.gateways[0]!;
      expect([await statusWith(url, a), await statusWith(url, b)]).toEqual(accepted);
      await shape.stop();
      expect(readFileSync(join(dataFolder, 'instance.json'), 'utf8')).not.toContain(one);
    }
  });

  it('are replaced: a pepper that was made by one that is given, with the previous secrets accepted meanwhile', async () => {
    const dataFolder = newFolder();
    const [a, b] = ['admin-secret-number-a', 'admin-secret-number-b'];
    const first = await startStandalone({ outside, dataFolder, adminSecret: a });
    const [used, idle] = [await first.client().createKey(), await first.client().createKey()];
    expect((await first.client().chat(used.secret)).status).toBe(200);
    await first.stop();
    const { pepper } = JSON.parse(readFileSync(join(dataFolder, 'instance.json'), 'utf8')) as { pepper: string };

    const previous = { TOLLGATE_ADMIN_SECRET_PREVIOUS: a, TOLLGATE_PEPPER_PREVIOUS: pepper };
    const changing = await startStandalone({
      outside,
      dataFolder,
      adminSecret: b,
      environment: { TOLLGATE_PEPPER: one, ...previous },
    });
    expect(changing.process.output()).toContain('2 usable keys are known only under TOLLGATE_PEPPER_PREVIOUS');
    for (const secret of [a, b])
      expect((await changing.client().admin('GET', '/v1/api-keys', undefined, bearer(secret))).status).toBe(200);
    expect((await changing.client().chat(used.secret)).status).toBe(200);
    const made = await changing.client().createKey();
    await changing.stop();
    for (const secret of [pepper, one, a, b])
      expect(readFileSync(join(dataFolder, 'instance.json'), 'utf8')).not.toContain(secret);

    const changed = await startStandalone({
      outside,
      dataFolder,
      adminSecret: b,
      environment: { TOLLGATE_PEPPER: one },
    });
    expect(changed.process.output()).toContain('are refused: 1 under the pepper');
    const statuses = [used, made, idle].map(async ({ secret }) => (await changed.client().chat(secret)).status);
    expect(await Promise.all(statuses)).toEqual([200, 200, 401]);
    expect((await changed.client().admin('GET', '/v1/api-keys', undefined, bearer(a))).status).toBe(401);
    await changed.stop();
  });

  it.each(['embedded', 'on a server'])(
    'hold another pepper than the keys were made under for a fault, once there are keys: %s',
    async (where) => {
      const dataFolder = newFolder();
      const database: Environment =
        where === 'embedded' ? {} : { DATABASE_URL: await infraFromEnvironment().createDatabase() };
      const start = (pepper: string) =>
        startStandalone({
          outside,
          dataFolder,
          adminSecret: ADMIN,
          environment: { ...database, TOLLGATE_PEPPER: pepper },
        });
      await (await start(one)).stop();
      const shape = await start(other);
      const key = await shape.client().createKey();
      await shape.stop();
      for (const environment of [{ TOLLGATE_PEPPER: one }, {}] as Environment[])
        expect(await refusal(dataFolder, { ...database, ...environment })).toMatch(
          /^tollgate did not start: TOLLGATE_PEPPER: the keys of the database were made under another pepper/,
        );
      const again = await start(other);
      expect((await again.client().chat(key.secret)).status).toBe(200);
      await again.stop();
    },
  );
});

describe('a standalone on a full disk', () => {
  // Mounting takes root, and in most containers more: elsewhere the journal's own specs fill a disk alone.
  it('says that it is not ready, and why, before a request has failed; with room it is ready again', async () => {
    const disk = smallDisk(160);
    if (disk === null)
      return void process.stderr.write('this process may not mount: /readyz on a full disk was not tried\n');
    try {
      const dataFolder = join(disk.folder, 'data');
      const environment = { TOLLGATE_OPERATIONS_PORT: String(await freePort()) };
      const ready = `http://127.0.0.1:${environment.TOLLGATE_OPERATIONS_PORT}/readyz`;
      const shape = await startStandalone({ outside, dataFolder, adminSecret: ADMIN, environment });
      const readiness = async () => {
        const reply = await fetch(ready);
        return [reply.status, ((await reply.json()) as { checks: { journal: boolean } }).checks.journal];
      };
      expect(await readiness()).toEqual([200, true]);
      disk.fill();
      expect(await readiness()).toEqual([503, false]);
      disk.makeRoom();
      await expect.poll(readiness, { timeout: 20_000 }).toEqual([200, true]);
      await shape.stop();
    } finally {
      disk.remove();
    }
  });
});
