import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntitySchema } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from './database.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
import { ServiceDatabase } from './service-database.js';
import { ensureServiceRoles } from './service-roles.js';
import { schemaRightsSql, tenantTableSql } from './tenant-tables.js';

let folder: string;
let embedded: EmbeddedPostgres;
let database: Database;
let service: ServiceDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-tenants-'));
  embedded = await startEmbeddedPostgres(join(folder, 'postgres'));
  database = await openDatabase({ url: embedded.url, poolSize: 1, applicationName: 'test' });
  await ensureServiceRoles(database.dataSource, 'keys');
  for (const statement of [
    'CREATE SCHEMA keys',
    'CREATE TABLE keys.thing (organization_id text NOT NULL, name text NOT NULL)',
    `INSERT INTO keys.thing VALUES ('a', 'of a'), ('b', 'of b')`,
    ...schemaRightsSql('keys'),
    ...tenantTableSql({ schema: 'keys', table: 'thing', service: 'SELECT, INSERT', allTenants: 'SELECT' }),
  ])
    await database.dataSource.query(statement);
  service = new ServiceDatabase(database.dataSource, 'keys');
});
afterAll(async () => {
  await database?.close();
  await embedded?.close();
  await rm(folder, { recursive: true, force: true });
});

const names = (rows: { name: string }[]): string[] => rows.map(({ name }) => name);
const SELECT = 'SELECT name FROM keys.thing ORDER BY name';

describe('the embedded database, whose only user no policy binds', () => {
  it('shows a transaction the rows of its organisation', async () => {
    expect(names(await service.inOrganization('a', (manager) => manager.query(SELECT)))).toEqual(['of a']);
    expect(names(await service.inOrganization('b', (manager) => manager.query(SELECT)))).toEqual(['of b']);
  });
  it('shows none to a transaction about no organisation, also after one that was about one', async () => {
    expect(await service.outsideOrganizations((manager) => manager.query(SELECT))).toEqual([]);
  });
  it('shows all to work that spans organisations, which may do no more than it must', async () => {
    expect(names(await service.acrossOrganizations((manager) => manager.query(SELECT)))).toEqual(['of a', 'of b']);
    await expect(
      service.acrossOrganizations((manager) => manager.query(`INSERT INTO keys.thing VALUES ('a', 'x')`)),
    ).rejects.toThrow('permission denied');
  });
  it('writes no row of another organisation', async () => {
    await expect(
      service.inOrganization('a', (manager) => manager.query(`INSERT INTO keys.thing VALUES ('b', 'x')`)),
    ).rejects.toThrow('row-level security');
  });
  it('begins no transaction without an organisation', async () => {
    await expect(service.inOrganization('', () => Promise.resolve())).rejects.toThrow('needs the organisation');
  });
  it('leaves nothing of a transaction on the connection, also after one that failed', async () => {
    await expect(service.inOrganization('a', (manager) => manager.query('SELECT nothing'))).rejects.toThrow();
    expect(await database.dataSource.query('SELECT current_user AS name')).toEqual([{ name: 'postgres' }]);
  });
});

describe('a condition with a value that is missing', () => {
  const thing = new EntitySchema<{ organizationId: string; name: string }>({
    name: 'Thing',
    schema: 'keys',
    tableName: 'thing',
    columns: {
      organizationId: { type: 'text', name: 'organization_id', primary: true },
      name: { type: 'text' },
    },
  });

  it.each([undefined, null])('fails (%s), and gives, changes and deletes no other row', async (missing) => {
    const name = missing as unknown as string;
    await database.close();
    database = await openDatabase({ url: embedded.url, poolSize: 1, applicationName: 'test', entities: [thing] });
    const things = database.dataSource.getRepository(thing);
    const before = await things.count();
    await expect(things.findOneBy({ name })).rejects.toThrow(/undefined|null/i);
    await expect(things.find({ where: { organizationId: 'a', name } })).rejects.toThrow(/undefined|null/i);
    await expect(things.update({ name }, { name: 'changed' })).rejects.toThrow(/undefined|null/i);
    await expect(things.delete({ name })).rejects.toThrow(/undefined|null/i);
    expect(await things.countBy({ name: 'changed' })).toBe(0);
    expect(await things.count()).toBe(before);
  });
});
