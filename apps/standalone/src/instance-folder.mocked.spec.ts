import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartFault } from '@tollgate/app-process';
import { matchesSecret } from '@tollgate/http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeDatabase } from './embedded-database.js';
import { databaseFolder, instanceFolder, isDatabase } from './instance-folder.js';
import { instanceSecrets } from './instance-secrets.js';

/** The number of writing calls to the file system before the simulated kill; null means that no kill comes. */
const life = vi.hoisted(() => ({ callsLeft: null as number | null }));
vi.mock('node:fs', async (original) => {
  const fs = await original<Record<string, unknown>>();
  const changes = ['openSync', 'writeSync', 'fsyncSync', 'renameSync', 'mkdirSync', 'writeFileSync', 'rmSync'];
  const killable =
    (name: string) =>
    (...args: unknown[]) => {
      if (life.callsLeft !== null && life.callsLeft-- <= 0) throw new Error('killed');
      return (fs[name] as (...args: unknown[]) => unknown)(...args);
    };
  return { ...fs, ...Object.fromEntries(changes.map((name) => [name, killable(name)])) };
});

let root: string;
let folder: string;
beforeEach(() => {
  life.callsLeft = null;
  root = mkdtempSync(join(tmpdir(), 'tollgate-instance-folder-'));
  folder = join(root, 'data');
  mkdirSync(folder);
});
afterEach(() => {
  life.callsLeft = null;
  rmSync(root, { recursive: true, force: true });
});

interface Given {
  readonly pepper?: string;
  readonly adminSecret?: string;
  readonly onServer?: boolean;
}

/** Simulates a start in the order of the real one, with plain files in place of database and journal. */
async function start({ pepper, adminSecret, onServer = false }: Given = {}) {
  const instance = instanceFolder(folder, { onServer, pepperGiven: pepper !== undefined });
  const secrets = instanceSecrets(folder, { pepper, adminSecret });
  const database = databaseFolder(folder);
  if (!onServer && !isDatabase(database)) await makeDatabase(database, makeFiles);
  secrets.accepted();
  mkdirSync(join(folder, 'journal'), { recursive: true });
  writeFileSync(join(folder, 'journal', 'lock'), '');
  writeFileSync(join(folder, 'journal', 'journal.json'), '{}');
  instance.made();
  secrets.shown();
  return { ...secrets, warning: instance.warning };
}

async function makeFiles(at: string): Promise<void> {
  mkdirSync(join(at, 'base'), { recursive: true });
  writeFileSync(join(at, 'PG_VERSION'), '18');
  writeFileSync(join(at, 'base', '1'), 'rows');
  await Promise.resolve();
}

/** Simulates a start that is killed before the given writing call; false if it finishes before that. */
async function killedAt(call: number, given: Given): Promise<boolean> {
  life.callsLeft = call;
  try {
    await start(given);
    return false;
  } catch {
    return true;
  } finally {
    life.callsLeft = null;
  }
}

const PEPPER = 'a pepper that is given';
const ADMIN = 'an-admin-secret-that-is-given';
const GIVEN: [string, Given][] = [
  ['nothing given', {}],
  ['an admin secret given', { adminSecret: ADMIN }],
  ['a pepper given', { pepper: PEPPER }],
  ['both given', { pepper: PEPPER, adminSecret: ADMIN }],
  ['the database on a server', { onServer: true }],
];

/** After each first kill, the second one is tried at every ninth call, beginning at a different one each time. */
const SECOND_KILLS = 9;

describe.each(GIVEN)('a first start, %s', (_, given) => {
  it('works after a kill at any moment of the one before, and of the one before that', async () => {
    let kills = 0;
    for (let first = 0; await killedAt(first, given); first++) {
      cpSync(folder, join(root, 'after-first'), { recursive: true });
      for (let second = first % SECOND_KILLS; await killedAt(second, given); second += SECOND_KILLS) {
        kills += 1;
        const { pepper, newAdminSecret } = await start(given);
        const next = await start(given);
        expect(next.pepper, `${first}, ${second}`).toBe(pepper);
        if (newAdminSecret !== null) expect(matchesSecret(newAdminSecret, next.adminSecret)).toBe(true);
        expect(
          given.onServer === true || readFileSync(join(databaseFolder(folder), 'base', '1'), 'utf8') === 'rows',
        ).toBe(true);
        restore('after-first');
      }
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    }
    expect(kills).toBeGreaterThan(30);
  });
});

function restore(copy: string): void {
  rmSync(folder, { recursive: true });
  cpSync(join(root, copy), folder, { recursive: true });
}

const fault = async (given: Given = {}): Promise<string> => {
  const error: unknown = await start(given).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartFault);
  expect((error as Error).message).not.toContain('\n');
  return (error as Error).message;
};
const lose = (...parts: string[]): void =>
  parts.forEach((part) => rmSync(join(folder, part), { recursive: true, force: true }));

/** Lost parts of a folder, the part that the error names, and the settings. A folder without a manifest is older. */
const LOSSES: [string[], string, Given][] = [
  [['postgres/PG_VERSION'], 'postgres/PG_VERSION', {}],
  [['postgres'], 'postgres', {}],
  [['postgres', 'journal'], 'postgres', {}],
  [['postgres', 'instance.json'], 'postgres', {}],
  [['postgres', 'instance.json'], 'postgres', { pepper: PEPPER, adminSecret: ADMIN }],
  [['instance.json'], 'instance.json', {}],
  [['instance.json'], 'instance.json', { adminSecret: ADMIN }],
  [['instance.json', 'journal'], 'instance.json', {}],
  [['postgres/PG_VERSION', 'instance.json', 'journal'], 'postgres/PG_VERSION', { pepper: PEPPER, adminSecret: ADMIN }],
  [['journal'], 'journal', {}],
];
describe.each([
  ['this release', true],
  ['the release before', false],
] as const)('a folder of %s', (_, hasManifest) => {
  it.each(LOSSES)(
    'that has lost %j is refused, is left as it is, and starts once that is put back',
    async (parts, missing, given) => {
      const { pepper } = await start();
      if (!hasManifest) lose('manifest.json');
      cpSync(folder, join(root, 'whole'), { recursive: true });
      lose(...parts);
      for (let time = 0; time < 2; time++) {
        const said = await fault(given);
        expect(said).toMatch(/^TOLLGATE_DATA: /);
        expect(said).toContain(`${join(folder, missing)} is missing, although ${folder}`);
        expect(said).toContain('put it back');
      }
      for (const part of parts) expect(existsSync(join(folder, part)), part).toBe(false);
      expect(existsSync(join(folder, 'postgres.new'))).toBe(false);
      restore('whole');
      expect((await start()).pepper).toBe(pepper);
    },
  );

  it('that has an empty folder in the place of its database is refused, in the place of its journal not', async () => {
    await start();
    if (!hasManifest) lose('manifest.json');
    lose('journal');
    mkdirSync(join(folder, 'journal'));
    await start();
    lose('postgres');
    mkdirSync(databaseFolder(folder));
    expect(await fault()).toContain(`${databaseFolder(folder)} is missing`);
  });

  it('is started without its secrets file where both secrets are given, as it was left where both always were', async () => {
    await start({ pepper: PEPPER, adminSecret: ADMIN });
    if (!hasManifest) lose('manifest.json');
    lose('instance.json');
    expect(await start({ pepper: PEPPER, adminSecret: ADMIN })).toMatchObject({ pepper: PEPPER });
  });
});

describe('a data folder', () => {
  it('whose data is on a server does not get a database of its own because the address was forgotten', async () => {
    await start({ onServer: true });
    expect(await fault()).toMatch(
      /^DATABASE_URL: is not set, and the data of \/.* is in the database that it named so far/,
    );
    lose('manifest.json');
    expect(await fault()).toContain('unless DATABASE_URL named another database');
    await start({ onServer: true });
  });

  it('whose data moves to a server says so, and is not used again without one', async () => {
    expect((await start()).warning).toBeNull();
    expect((await start({ onServer: true })).warning).toContain('from now on it is in the database of DATABASE_URL');
    expect((await start({ onServer: true })).warning).toBeNull();
    expect(await fault()).toMatch(/^DATABASE_URL: is not set/);
  });

  it('whose manifest is damaged is refused until that is put back or gone', async () => {
    await start();
    for (const text of ['', '{"state":', '{"state":"other","database":"embedded"}', '\0\0']) {
      writeFileSync(join(folder, 'manifest.json'), text);
      expect(await fault()).toContain(`${join(folder, 'manifest.json')} is damaged`);
    }
    unlinkSync(join(folder, 'manifest.json'));
    await start();
    expect(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))).toEqual({
      state: 'made',
      database: 'embedded',
    });
  });

  it('is read by this release where a later one has more to say of it', async () => {
    await start();
    writeFileSync(join(folder, 'manifest.json'), '{"state":"made","database":"embedded","addedLater":1}');
    await start();
  });
});
