import { infraFromEnvironment, waitUntil } from '@tollgate/infra';
import { digestsOf, keyManagementSchema, KeyStore } from '@tollgate/key-management';
import { type Database, migrate, openDatabase, ServiceDatabase } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeOf, newDigest, newKey, renamed, type ApiKey } from './key-fixture.js';

/** Tests concurrent transactions. The store's own spec tests single changes, on embedded Postgres. */
describe('the key store on a Postgres server', () => {
  let database: Database;
  let store: KeyStore;
  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, keyManagementSchema);
    database = await openDatabase({ url, poolSize: 12, applicationName: 'contract' });
    store = new KeyStore(new ServiceDatabase(database.dataSource, 'keys'), database.lookUps);
  });
  afterAll(() => database?.close());

  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    database.dataSource.query(sql, parameters);
  const insert = async (count: number): Promise<ApiKey[]> => {
    const keys = Array.from({ length: count }, () => newKey());
    for (const key of keys)
      await new ServiceDatabase(database.dataSource, 'keys').inOrganization('default', (manager) =>
        store.insert(manager, changeOf(key), ['pepper']),
      );
    return keys;
  };
  /** Resolves when a session of this database waits for a lock. */
  const untilWaiting = async (): Promise<void> => {
    for (;;) {
      const rows = await query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      if (rows.length > 0) return;
    }
  };
  const waitingSessions = async (): Promise<number> =>
    (await query(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`))
      .length;
  /** Runs `work` while another transaction, which renames the key and then commits, holds the row locked. */
  const whileLocked = async <T>(key: ApiKey, work: () => Promise<T>): Promise<T> => {
    const runner = database.dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      await runner.query(
        `UPDATE keys.api_key SET name = 'meanwhile', version = version + 1, writer = version + 1 WHERE id = $1`,
        [key.id],
      );
      return await work();
    } finally {
      if (runner.isTransactionActive) await runner.commitTransaction();
      await runner.release();
    }
  };

  it('changes of the same keys, named in opposite orders, wait for each other in one order and all take effect', async () => {
    const keys = await insert(20);
    const ids = keys.map(({ id }) => id);
    for (let round = 0; round < 15; round++) {
      const orders = [ids, [...ids].reverse(), [...ids].sort(), [...ids].sort(() => Math.random() - 0.5)];
      await Promise.all(orders.map((order) => store.change('default', order, (key) => renamed(key, `round ${round}`))));
    }
    for (const id of ids) expect((await store.find('default', id))?.version).toBe(1 + 15 * 4);
  });

  it('the outbox has the versions of a key in their order, whoever wrote them', async () => {
    const [key] = await insert(1);
    await Promise.all(
      Array.from({ length: 30 }, () => store.change('default', [key!.id], (each) => renamed(each, 'again'))),
    );
    for (const effect of ['write-snapshot', 'publish-change']) {
      const rows = await query<{ version: number }>(
        `SELECT (payload::jsonb ->> 'version')::integer AS version FROM keys.outbox WHERE key = $1 AND effect = $2 ORDER BY id`,
        [key!.id, effect],
      );
      expect(rows.map(({ version }) => version)).toEqual(Array.from({ length: 31 }, (_, at) => at + 1));
    }
  });

  it('a change decides about the key as the change before it has left it', async () => {
    const [key] = await insert(1);
    let changing: Promise<unknown> | undefined;
    const seen: ApiKey[] = [];
    await whileLocked(key!, async () => {
      changing = store.change('default', [key!.id], (before) => {
        seen.push(before);
        return renamed(before, 'after');
      });
      await untilWaiting();
      expect(seen).toEqual([]);
    });
    await changing;
    expect(seen).toMatchObject([{ name: 'meanwhile', version: 2, secrets: key!.secrets }]);
    expect(await store.find('default', key!.id)).toMatchObject({ name: 'after', version: 3 });
  });

  it('a change that waited while its key gained a digest decides about, and tells of, both', async () => {
    const [key] = await insert(1);
    const added = newDigest();
    const runner = database.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT 1 FROM keys.api_key WHERE id = $1 FOR UPDATE', [key!.id]);
    const gaining = store.addDigests('default', [{ known: digestsOf(key!)[0]!, added }], 'new pepper');
    await untilWaiting();
    const seen: ApiKey[] = [];
    const changing = store.change('default', [key!.id], (before) => {
      seen.push(before);
      return renamed(before, 'after');
    });
    await waitUntil(async () => (await waitingSessions()) === 2, { what: 'both to wait for the key' });
    await runner.commitTransaction();
    await runner.release();
    await Promise.all([gaining, changing]);
    const snapshots = await query<{ digests: string[] }>(
      `SELECT payload::jsonb -> 'digests' AS digests FROM keys.outbox WHERE key = $1 AND effect = 'write-snapshot' ORDER BY id`,
      [key!.id],
    );
    const both = [digestsOf(key!)[0]!, added].sort();
    expect(snapshots.map(({ digests }) => [...digests].sort())).toEqual([digestsOf(key!), both, both]);
    expect([...digestsOf(seen[0]!)].sort()).toEqual(both);
    expect(await store.find('default', key!.id)).toMatchObject({ name: 'after', version: 3 });
  });

  it('a change waits for its own key only: another of the organisation, a new one and all reads go on', async () => {
    const [locked, free] = await insert(2);
    await whileLocked(locked!, async () => {
      expect((await store.change('default', [free!.id], (key) => renamed(key, 'free'))).keys).toHaveLength(1);
      await insert(1);
      expect(await store.find('default', locked!.id)).toEqual(locked);
      expect([...(await store.lookUp(digestsOf(locked!))).values()].map(({ key }) => key)).toEqual([locked]);
    });
  });

  it('a change that fails leaves nothing of any of its keys, and their locks are free', async () => {
    const keys = await insert(2);
    const ids = keys.map(({ id }) => id);
    const tooLong = (key: ApiKey) => renamed(key, key.id === ids[1] ? 'x'.repeat(101) : 'fits');
    await expect(store.change('default', ids, tooLong)).rejects.toThrow(/api_key_name_length/);
    for (const key of keys) expect(await store.find('default', key.id)).toEqual(key);
    const [waiting] = await query<{ n: string }>('SELECT count(*) AS n FROM keys.outbox WHERE key = ANY($1::text[])', [
      ids,
    ]);
    expect(waiting!.n).toBe('4');
    expect((await store.change('default', ids, (key) => renamed(key, 'fits'))).keys).toHaveLength(2);
  });

  it('a key that is named twice is changed once', async () => {
    const [key] = await insert(1);
    const { keys, written } = await store.change('default', [key!.id, key!.id], (each) => renamed(each, 'once'));
    expect([keys.length, written.length, keys[0]!.version]).toEqual([1, 1, 2]);
  });

  it('arrays come back as they were, also a thousand at a time', async () => {
    const keys = await insert(3);
    const digests = Array.from({ length: 1_000 }, (_, at) => at.toString(16).padStart(64, '0'));
    const found = await store.findByDigests([...digests, ...keys.flatMap(digestsOf)]);
    expect([...found.values()].map(({ id }) => id).sort()).toEqual(keys.map(({ id }) => id).sort());
    expect((await store.known('default', [...keys.map(({ id }) => id), 'no id', '{}', 'NULL'])).sort()).toEqual(
      keys.map(({ id }) => id).sort(),
    );
  });
});
