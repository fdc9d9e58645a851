import { infraFromEnvironment, waitUntil } from '@tollgate/infra';
import { migrate, prepareDatabase, standaloneUseSchema, takeSoleUse, type SoleUse } from '@tollgate/postgres';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const nothing = { schema: 'trial', migrations: [] };

describe('the database of a standalone', () => {
  let url: string;
  let admin: Client;
  const taken: SoleUse[] = [];
  const [lost, told]: [string[], string[]] = [[], []];
  const take = async (notBeside: readonly string[] = []) => {
    const use = await takeSoleUse(url, {
      notBeside,
      onLost: (reason) => lost.push(reason),
      tell: (line) => told.push(line),
    });
    taken.push(use);
    return use;
  };
  /** Takes and signs the database as a standalone does at its start. */
  const takeAndSign = async () => {
    const use = await take();
    await migrate(url, standaloneUseSchema);
    await use.sign();
    return use;
  };
  const endSessions = () =>
    admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tollgate standalone%'`,
    );

  beforeEach(async () => {
    url = await infraFromEnvironment().createDatabase();
    admin = new Client({ connectionString: url });
    await admin.connect();
  });
  afterEach(async () => {
    await Promise.all(taken.splice(0).map((use) => use.release()));
    await admin.end();
    lost.length = told.length = 0;
  });

  it('is refused to a second one while the first lives, which is named, and free after it', async () => {
    const first = await takeAndSign();
    await expect(take()).rejects.toThrow(
      new RegExp(
        `^DATABASE_URL: another standalone uses this database: tollgate standalone \\w+, pid ${process.pid} on [^\\n]*; stop what uses it, or name another database$`,
      ),
    );
    await first.release();
    const second = await takeAndSign();
    await waitUntil(() => second.uncertainMs() < 3_000, { what: 'the second to be certain' });
  });

  it('may be beside that of another one on the same server', async () => {
    await takeAndSign();
    url = await infraFromEnvironment().createDatabase();
    await takeAndSign();
    expect(lost).toEqual([]);
  });

  it('is taken again after its session was lost, and until then nothing is certain', async () => {
    const use = await takeAndSign();
    await endSessions();
    await waitUntil(() => told.some((line) => line.includes('held for this process alone again')), {
      what: 'the database to be taken again',
    });
    await waitUntil(() => use.uncertainMs() < 5_000, { what: 'it to be certain again' });
    expect(lost).toEqual([]);
    await expect(take()).rejects.toThrow('another standalone uses this database');
  });

  it('is lost to one that took it meanwhile, and to one that has come and gone', async () => {
    for (const stays of [true, false]) {
      await takeAndSign();
      // When the session ends, the server gives the lock to the first session that waits for it, which is this one.
      const other = new Client({ connectionString: url, application_name: 'tollgate standalone of the test' });
      await other.connect();
      const waiting = other.query('SELECT pg_advisory_lock(1414482759, 1)');
      await waitUntil(
        async () =>
          (await admin.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).rowCount === 1,
        { what: 'the other to wait for the lock' },
      );
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tollgate standalone % pid %'`,
      );
      await waiting;
      if (!stays) {
        await other.query('UPDATE standalone.in_use SET instance_id = gen_random_uuid()');
        await other.end();
      }
      await waitUntil(() => lost.length === 1, { what: 'the loss to be noticed' });
      expect(lost.pop()).toContain(
        stays
          ? 'another standalone has taken the database: tollgate standalone of the test'
          : 'has used the database meanwhile',
      );
      if (stays) await other.end();
      await Promise.all(taken.splice(0).map((use) => use.release()));
    }
  });

  it('is not shared with the services on their own: neither comes where the other is', async () => {
    const service = new Client({ connectionString: url, application_name: 'key-management' });
    await service.connect();
    await expect(take(['key-management', 'usage-billing'])).rejects.toThrow(
      'DATABASE_URL: services on their own use this database: key-management;',
    );
    await service.end();
    await waitUntil(
      () =>
        take(['key-management']).then(
          () => true,
          () => false,
        ),
      { what: 'the service to be gone' },
    );
    await expect(prepareDatabase({ DATABASE_URL: url }, nothing, () => undefined)).rejects.toThrow(
      'DATABASE_URL: a standalone uses this database: tollgate standalone',
    );
  });

  it('takes any number of services on their own, and of instances of each', async () => {
    await Promise.all([1, 2, 3].map(() => prepareDatabase({ DATABASE_URL: url }, nothing, () => undefined)));
  });
});
