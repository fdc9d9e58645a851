import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  migrate,
  openDatabase,
  Outbox,
  OutboxRelay,
  outboxTableSql,
  startEmbeddedPostgres,
  YieldingLookUps,
  type Database,
  type OutboxRow,
} from '@tollgate/postgres';
import { infraFromEnvironment, tempFolder, waitUntil } from '@tollgate/infra';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

interface Runner {
  query(sql: string): Promise<unknown>;
}
const dropNothing = async () => undefined;

class CreateOutbox1700000000001 {
  readonly readableFrom = '0.1.0';
  async up(runner: Runner) {
    for (const statement of outboxTableSql('trial')) await runner.query(statement);
    await runner.query('CREATE TABLE trial.thing (id integer PRIMARY KEY, name text NOT NULL)');
    await runner.query(
      'CREATE FUNCTION trial.same(asked integer) RETURNS TABLE (n integer) LANGUAGE sql AS $$ SELECT asked $$',
    );
    await runner.query(
      'CREATE FUNCTION trial.rest(asked float) RETURNS TABLE (n text) LANGUAGE sql AS $$ SELECT pg_sleep(asked)::text $$',
    );
  }
  down = dropNothing;
}
class AddColumn1700000000002 {
  readonly readableFrom = '0.1.0';
  async up(runner: Runner) {
    await runner.query('ALTER TABLE trial.thing ADD COLUMN size integer');
  }
  down = dropNothing;
}
class Broken1700000000003 {
  readonly readableFrom = '0.1.0';
  async up(runner: Runner) {
    await runner.query('CREATE TABLE trial.half_done (id integer)');
    await runner.query('SELECT no_such_function()');
  }
  down = dropNothing;
}
class OtherSchema1700000000001 {
  readonly readableFrom = '0.1.0';
  async up(runner: Runner) {
    await runner.query('CREATE TABLE other.thing (id integer PRIMARY KEY)');
  }
  down = dropNothing;
}

const shapes = [
  {
    shape: 'embedded',
    start: async () => {
      const embedded = await startEmbeddedPostgres(tempFolder('embedded-postgres'));
      return { url: embedded.url, stop: embedded.close };
    },
  },
  {
    shape: 'server',
    start: async () => ({ url: await infraFromEnvironment().createDatabase(), stop: async () => undefined }),
  },
];

describe.each(shapes)('Postgres, $shape', ({ shape, start }) => {
  let server: { url: string; stop(): Promise<void> };
  let database: Database;
  const relays: OutboxRelay[] = [];

  beforeAll(async () => {
    server = await start();
    await migrate(server.url, { schema: 'trial', migrations: [CreateOutbox1700000000001] });
    await migrate(server.url, { schema: 'other', migrations: [OtherSchema1700000000001] });
    await migrate(server.url, { schema: 'trial', migrations: [CreateOutbox1700000000001, AddColumn1700000000002] });
    database = await openDatabase({ url: server.url, poolSize: 5, applicationName: 'contract' });
  });
  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await database.dataSource.query('DELETE FROM trial.outbox');
  });
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  const outbox = new Outbox('trial');
  const add = (...entries: { key: string; payload: string; effect?: string }[]) =>
    database.dataSource.transaction((manager) =>
      outbox.add(manager, ...entries.map((entry) => ({ effect: 'note', ...entry }))),
    );
  const relay = (effects: Record<string, (rows: readonly OutboxRow[]) => Promise<void>>, errors: unknown[] = []) => {
    const made = new OutboxRelay({
      database: { acrossOrganizations: (work) => database.dataSource.transaction(work) },
      schema: 'trial',
      effects,
      onError: (error) => errors.push(error),
      pollMs: 20,
      // Longer than a busy machine takes to renew it: an entry of which the lease has ended is done once more.
      leaseMs: 3_000,
    });
    relays.push(made);
    made.start();
    return made;
  };
  const left = async () => Number((await database.dataSource.query('SELECT count(*) AS n FROM trial.outbox'))[0].n);

  it('says whether it is one session', () => {
    expect(database.singleSession).toBe(shape === 'embedded');
  });

  it("notes what was migrated in each service's own schema", async () => {
    const names = async (schema: string) =>
      (await database.dataSource.query(`SELECT name FROM ${schema}.migration ORDER BY id`)).map(
        (row: { name: string }) => row.name,
      );
    expect(await names('trial')).toEqual(['CreateOutbox1700000000001', 'AddColumn1700000000002']);
    expect(await names('other')).toEqual(['OtherSchema1700000000001']);
  });

  it('gives bigint and numeric without loss, and rolls a failed transaction back', async () => {
    const [row] = await database.dataSource.query('SELECT 9007199254740993::bigint AS b, 0.1::numeric AS n');
    expect(row).toEqual({ b: '9007199254740993', n: '0.1' });
    await expect(
      database.dataSource.transaction(async (manager) => {
        await manager.query(`INSERT INTO trial.thing (id, name) VALUES (1, 'x')`);
        await manager.query(`INSERT INTO trial.thing (id, name) VALUES (1, 'y')`);
      }),
    ).rejects.toThrow(/duplicate key/);
    expect(await database.dataSource.query('SELECT * FROM trial.thing')).toEqual([]);
  });

  it('answers many callers at once', async () => {
    const rows = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        database.dataSource.transaction(async (manager) => {
          const [row] = await manager.query('SELECT $1::integer + 1 AS n', [n]);
          return row.n as number;
        }),
      ),
    );
    expect(rows).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  });

  describe('look-ups', () => {
    it('answer as queries do, and a failed one holds up no other', async () => {
      const failed = database.lookUps.ask('trial.no_such_function', 7);
      const rows = database.lookUps.ask<{ n: number }>('trial.same', 7);
      await expect(failed).rejects.toThrow(/no_such_function/);
      expect(await rows).toEqual([{ n: 7 }]);
    });

    it('ask functions by their names, and send no other statement', async () => {
      await expect(database.lookUps.ask('trial.same(1); DROP TABLE trial.thing; --', 1)).rejects.toThrow(
        'not the name',
      );
    });

    it('let everything else go first where there is one session: no write waits behind more than one', async () => {
      const { lookUps } = database;
      if (!(lookUps instanceof YieldingLookUps)) return;
      const order: string[] = [];
      const ask = (name: string, asked: number) => lookUps.ask(name, asked).then(() => order.push('look-up'));
      const asked = [ask('trial.rest', 0.05), ...Array.from({ length: 20 }, () => ask('trial.same', 1))];
      const written = Array.from({ length: 20 }, async (_, n) => {
        await database.dataSource.query('UPDATE trial.thing SET size = $1 WHERE id = -1', [n]);
        order.push('write');
      });
      await Promise.all([...asked, ...written]);
      // One look-up had already begun; on a slow machine others may have reached their longest wait.
      const ahead = order.slice(0, order.lastIndexOf('write')).filter((each) => each === 'look-up').length;
      expect(ahead).toBeLessThanOrEqual(1 + lookUps.counts.overtaking);
      expect(lookUps.counts.begun).toBeGreaterThanOrEqual(21);
    });

    it('are answered under writes without a pause', async () => {
      let going = true;
      const writers = Array.from({ length: 10 }, async () => {
        while (going) await database.dataSource.query('UPDATE trial.thing SET size = 1 WHERE id = -1');
      });
      for (let n = 0; n < 3; n++) expect(await database.lookUps.ask('trial.same', 1)).toEqual([{ n: 1 }]);
      going = false;
      await Promise.all(writers);
    });

    it('do not need a connection of those that others have taken, where there is more than one', async () => {
      if (shape === 'embedded') return;
      const holders = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const runner = database.dataSource.createQueryRunner();
          await runner.connect();
          return runner;
        }),
      );
      expect(await database.lookUps.ask('trial.same', 1)).toEqual([{ n: 1 }]);
      await Promise.all(holders.map((runner) => runner.release()));
      const names: { name: string }[] = await database.dataSource.query(
        `SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database()`,
      );
      expect(
        names
          .map(({ name }) => name)
          .sort()
          .slice(-1),
      ).toEqual(['contract look-ups']);
    });
  });

  describe('outbox', () => {
    it('does nothing for a transaction that was rolled back', async () => {
      await expect(
        database.dataSource.transaction(async (manager) => {
          await outbox.add(manager, { effect: 'note', key: 'a', payload: '{}' });
          throw new Error('changed my mind');
        }),
      ).rejects.toThrow('changed my mind');
      expect(await left()).toBe(0);
    });

    it('runs the effect of a committed entry once and forgets it', async () => {
      const seen: string[] = [];
      const running = relay({
        note: async (rows) => {
          seen.push(...rows.map((row) => row.payload));
        },
      });
      const ids = await add({ key: 'a', payload: '{"n":1}' }, { key: 'b', payload: '{"n":2}' });
      expect(await running.delivered(ids, 60_000)).toBe(true);
      expect(seen).toEqual(['{"n":1}', '{"n":2}']);
      expect(await left()).toBe(0);
    });

    it('keeps the order of each key with three relays at work, and loses nothing when effects fail', async () => {
      const seen = new Map<string, number[]>();
      const errors: unknown[] = [];
      let calls = 0;
      const effect = async (rows: readonly OutboxRow[]) => {
        calls += 1;
        if (calls % 3 === 0) throw new Error('the other side is busy');
        for (const row of rows) {
          await new Promise((resolve) => setImmediate(resolve));
          seen.set(row.key, [...(seen.get(row.key) ?? []), Number(row.payload)]);
        }
      };
      const three = [relay({ note: effect }, errors), relay({ note: effect }, errors), relay({ note: effect }, errors)];
      for (let n = 0; n < 20; n++) {
        await add(...['a', 'b', 'c', 'd'].map((key) => ({ key, payload: String(n) })));
        three[n % 3]!.wake();
      }
      await waitUntil(async () => (await left()) === 0, { what: 'the outbox to be empty' });
      for (const key of ['a', 'b', 'c', 'd']) expect(seen.get(key)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(errors.length).toBeGreaterThan(0);
    });

    it('an entry that always fails holds up its own key only', async () => {
      const seen: string[] = [];
      const running = relay({
        note: async (rows) => {
          if (rows.some((row) => row.key === 'bad')) throw new Error('never');
          seen.push(...rows.map((row) => row.key));
        },
      });
      const ids = await add({ key: 'bad', payload: '1' }, { key: 'good', payload: '1' }, { key: 'bad', payload: '2' });
      expect(await running.delivered([ids[1]!], 60_000)).toBe(true);
      expect(seen).toEqual(['good']);
      expect(await running.delivered([ids[0]!], 100)).toBe(false);
    });

    it('an effect that hangs does not hold up another effect, nor the database', async () => {
      let letGo = () => undefined as void;
      const hanging = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const running = relay({ stuck: () => hanging, note: async () => undefined });
      const [stuck] = await add({ effect: 'stuck', key: 'a', payload: '1' });
      const [note] = await add({ key: 'a', payload: '1' });
      expect(await running.delivered([note!], 60_000)).toBe(true);
      expect(await running.delivered([stuck!], 100)).toBe(false);
      letGo();
      expect(await running.delivered([stuck!], 60_000)).toBe(true);
    });

    it('another relay takes up what a dead one had leased, not what a slow one still works on', async () => {
      let calls = 0;
      let letGo = () => undefined as void;
      const working = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const slow = relay({
        note: async () => {
          calls += 1;
          await working;
        },
      });
      const ids = await add({ key: 'slow', payload: '1' });
      const waiting = slow.delivered(ids, 60_000);
      await waitUntil(() => calls === 1, { what: 'the slow effect to start' });
      const [first] = await database.dataSource.query(`SELECT claimed_until FROM trial.outbox WHERE key = 'slow'`);
      relay({
        note: async () => {
          calls += 1;
        },
      });
      const isLongOver = async () =>
        (
          await database.dataSource.query(
            `SELECT clock_timestamp() > $1::timestamptz + interval '300 milliseconds' AS past`,
            [first.claimed_until],
          )
        )[0].past;
      await waitUntil(isLongOver, { what: 'the first lease to be over' });
      letGo();
      expect(await waiting).toBe(true);
      expect(calls).toBe(1);

      await database.dataSource.query(
        `INSERT INTO trial.outbox (effect, key, payload, attempts, claim_id, claimed_until)
         VALUES ('note', 'orphan', '1', 1, '00000000-0000-4000-8000-000000000000', now() + interval '200 milliseconds')`,
      );
      await waitUntil(() => calls === 2, { what: 'the orphaned entry to be done' });
    });
  });
});

describe('Postgres, embedded', () => {
  it('removes the socket that a killed process has left in the folder for temporary files', async () => {
    const [temporary, folder] = [tempFolder('temporary-files'), tempFolder('killed-postgres')];
    const starting = `import { startEmbeddedPostgres } from '@tollgate/postgres'; await startEmbeddedPostgres(process.argv[1]); process.stdout.write('ready');`;
    const start = async () => {
      const started = spawn(process.execPath, ['--input-type=module', '-e', starting, join(folder, 'postgres')], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(started.stdout, 'data');
      return started;
    };
    for (let life = 0; life < 2; life++) {
      const started = await start();
      expect(readdirSync(temporary)).toHaveLength(1);
      started.kill('SIGKILL');
      await once(started, 'exit');
    }
    const last = await startEmbeddedPostgres(join(folder, 'postgres'));
    expect(readdirSync(temporary)).toEqual([]);
    await last.close();
    expect(readdirSync(folder)).toEqual(['postgres']);
  });

  it('finds its data again, and refuses a folder that is none', async () => {
    const folder = tempFolder('embedded-postgres');
    const first = await startEmbeddedPostgres(folder);
    await migrate(first.url, { schema: 'other', migrations: [OtherSchema1700000000001] });
    await first.close();
    const second = await startEmbeddedPostgres(folder);
    const database = await openDatabase({ url: second.url, poolSize: 10, applicationName: 'contract' });
    expect(await database.dataSource.query('SELECT count(*)::integer AS n FROM other.thing')).toEqual([{ n: 0 }]);
    await database.close();
    await second.close();
    await expect(startEmbeddedPostgres('/dev/null/not-a-folder')).rejects.toThrow(/embedded Postgres did not start/);
  });
});

describe('Postgres, server', () => {
  it('processes that start at once migrate once', async () => {
    const url = await infraFromEnvironment().createDatabase();
    const migrations = [CreateOutbox1700000000001, AddColumn1700000000002];
    await Promise.all([1, 2, 3].map(() => migrate(url, { schema: 'trial', migrations })));
    const database = await openDatabase({ url, poolSize: 2, applicationName: 'contract' });
    expect(await database.dataSource.query('SELECT count(*)::integer AS n FROM trial.migration')).toEqual([{ n: 2 }]);
    await database.close();
  });

  it('a migration that fails leaves nothing of itself', async () => {
    const url = await infraFromEnvironment().createDatabase();
    await expect(
      migrate(url, { schema: 'trial', migrations: [CreateOutbox1700000000001, Broken1700000000003] }),
    ).rejects.toThrow(/no_such_function/);
    const database = await openDatabase({ url, poolSize: 2, applicationName: 'contract' });
    expect(
      await database.dataSource.query(
        `SELECT to_regclass('trial.half_done') AS half, to_regclass('trial.thing')::text AS whole`,
      ),
    ).toEqual([{ half: null, whole: 'trial.thing' }]);
    await database.close();
  });
});
