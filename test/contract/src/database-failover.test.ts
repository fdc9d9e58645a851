import { asRole, infraFromEnvironment } from '@tollgate/infra';
import { keyManagementSchema } from '@tollgate/key-management';
import { migrate, openDatabase, rolesOf, ServiceDatabase, type Database } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const READ_ONLY = { driverError: { code: '25006' } };
const PID = 'SELECT pg_backend_pid() AS pid';

let database: Database;
let keys: ServiceDatabase;
beforeAll(async () => {
  const url = await infraFromEnvironment().createDatabase();
  await migrate(url, keyManagementSchema, asRole(url, rolesOf('keys').service));
  database = await openDatabase({ url, poolSize: 1, applicationName: 'failover' });
  keys = new ServiceDatabase(database.dataSource, 'keys');
});
afterAll(() => database?.close());

const pid = async (): Promise<number> => (await database.dataSource.query<{ pid: number }[]>(PID))[0]!.pid;
/** What a connection to a primary is after a failover: reads are answered, and every write is refused. */
const demote = () => database.dataSource.query('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');

describe('a connection to a PostgreSQL that takes no writes any more', () => {
  it('is closed by the first write that is refused, and the next one goes to the server that the name leads to', async () => {
    const before = await pid();
    await demote();
    expect(await pid()).toBe(before);
    await expect(database.dataSource.query('CREATE SCHEMA mine')).rejects.toMatchObject(READ_ONLY);
    expect(await pid()).not.toBe(before);
    await database.dataSource.query('CREATE SCHEMA mine');
    await database.dataSource.query('DROP SCHEMA mine');
  });

  it('is closed also in the middle of a transaction, which fails with that reason and leaves nothing', async () => {
    const before = await pid();
    await demote();
    const write = database.dataSource.transaction(async (manager) => {
      await manager.query('SELECT 1');
      await manager.query('CREATE SCHEMA mine');
    });
    await expect(write).rejects.toMatchObject(READ_ONLY);
    expect(await pid()).not.toBe(before);
    await keys.outsideOrganizations((manager) => manager.query('SELECT 1'));
  });

  it('stays for every other error of a statement', async () => {
    const before = await pid();
    await expect(database.dataSource.query('SELECT nothing')).rejects.toMatchObject({ driverError: { code: '42703' } });
    await expect(database.dataSource.transaction((manager) => manager.query('SELECT 1/0'))).rejects.toMatchObject({
      driverError: { code: '22012' },
    });
    expect(await pid()).toBe(before);
  });
});
