import { randomUUID } from 'node:crypto';
import { infraFromEnvironment } from '@tollgate/infra';
import { migrate, openDatabase, Outbox, OutboxClaims, outboxTableSql, type Database } from '@tollgate/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

class CreateOutbox1700000000001 {
  readonly readableFrom = '0.1.0';
  async up(runner: { query(sql: string): Promise<unknown> }) {
    for (const statement of outboxTableSql('trial')) await runner.query(statement);
  }
  down = async () => undefined;
}

const LEASE_MS = 60_000;

/** Several processes read one outbox. Only one of them gets each entry, in the order of the entry's key. */
describe('claims on an outbox, on a Postgres server', () => {
  let database: Database;
  let claims: OutboxClaims;
  const outbox = new Outbox('trial');
  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, { schema: 'trial', migrations: [CreateOutbox1700000000001] });
    database = await openDatabase({ url, poolSize: 12, applicationName: 'contract' });
    claims = new OutboxClaims({ acrossOrganizations: (work) => database.dataSource.transaction(work) }, 'trial');
  });
  afterAll(() => database?.close());
  beforeEach(() => database.dataSource.query('TRUNCATE trial.outbox'));

  /** Adds entries of the effect `note` in this order. The first letter of a name is the key of its entry. */
  const add = (...names: string[]) =>
    database.dataSource.transaction((manager) =>
      outbox.add(manager, ...names.map((name) => ({ effect: 'note', key: name[0]!, payload: name }))),
    );
  const claim = async (limit = 100, { claimId = randomUUID(), leaseMs = LEASE_MS, effect = 'note' } = {}) =>
    (await claims.claim(effect, claimId, leaseMs, limit)).map(({ payload }) => payload);

  it('give the oldest first, of each key from its head on', async () => {
    await add('a1', 'b1', 'a2', 'c1', 'b2');
    expect(await claim()).toEqual(['a1', 'b1', 'a2', 'c1', 'b2']);
  });

  it('give a key to whoever has its oldest entry, with what is added later', async () => {
    await add('a1', 'b1', 'a2');
    expect(await claim(1)).toEqual(['a1']);
    await add('a3', 'c1');
    expect(await claim()).toEqual(['b1', 'c1']);
    expect(await claim()).toEqual([]);
  });

  it('pass over a key whose oldest entry another transaction holds', async () => {
    await add('a1', 'a2', 'b1');
    const runner = database.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`SELECT 1 FROM trial.outbox WHERE payload = 'a1' FOR UPDATE`);
    expect(await claim()).toEqual(['b1']);
    await runner.rollbackTransaction();
    await runner.release();
    expect(await claim()).toEqual(['a1', 'a2']);
  });

  it('do not wait for entries that are being added, and give them once they are committed', async () => {
    await add('a1');
    const runner = database.dataSource.createQueryRunner();
    await runner.startTransaction();
    await outbox.add(runner.manager, { effect: 'note', key: 'b', payload: 'b1' });
    expect(await claim()).toEqual(['a1']);
    await runner.commitTransaction();
    await runner.release();
    expect(await claim()).toEqual(['b1']);
  });

  it('end with their lease, are renewed by whoever has them, and take no other effect', async () => {
    await add('a1', 'a2');
    const claimId = randomUUID();
    expect(await claim(100, { effect: 'other' })).toEqual([]);
    expect(await claim(100, { claimId, leaseMs: 0 })).toEqual(['a1', 'a2']);
    await claims.renew(claimId, LEASE_MS);
    expect(await claim()).toEqual([]);
    await claims.renew(randomUUID(), 0);
    expect(await claim()).toEqual([]);
    await claims.renew(claimId, 0);
    expect(await claim()).toEqual(['a1', 'a2']);
  });

  it('give what failed one key at a time, and only when nothing new is left', async () => {
    await add('a1', 'a2', 'b1');
    const failing = randomUUID();
    expect(await claim(100, { claimId: failing })).toEqual(['a1', 'a2', 'b1']);
    await claims.failed(failing, 0);
    await add('c1', 'a3');
    expect(await claim()).toEqual(['c1']);
    expect(await claim()).toEqual(['a1', 'a2', 'a3']);
    expect(await claim()).toEqual(['b1']);
    expect(await claim()).toEqual([]);
  });

  it('wait for what failed until it is due, and hold up no other key', async () => {
    await add('a1', 'a2');
    const failing = randomUUID();
    await claim(100, { claimId: failing });
    await claims.failed(failing, LEASE_MS);
    await add('b1', 'a3');
    expect(await claim()).toEqual(['b1']);
    expect(await claim()).toEqual([]);
  });

  it('say what waits, by effect', async () => {
    const ids = await add('a1', 'a2');
    expect(await claims.backlog()).toMatchObject([{ effect: 'note', entries: 2 }]);
    await claims.done([ids[0]!]);
    expect(await claims.waiting(ids)).toBe(1);
    await claims.done(ids);
    expect([await claims.waiting(ids), await claims.backlog()]).toEqual([0, []]);
  });

  it('of many at the same time are each entry once, and each key in its order', async () => {
    const done: string[] = [];
    const wanted = 400;
    const adding = (async () => {
      for (let n = 0; n < wanted / 8; n++) await add(...'abcdefgh'.split('').map((key) => `${key}${n}`));
    })();
    const worker = async (): Promise<void> => {
      while (done.length < wanted) {
        const rows = await claims.claim('note', randomUUID(), LEASE_MS, 7);
        done.push(...rows.map(({ payload }) => payload));
        await claims.done(rows.map(({ id }) => id));
      }
    };
    await Promise.all([adding, ...Array.from({ length: 8 }, worker)]);
    expect(new Set(done).size).toBe(wanted);
    for (const key of 'abcdefgh')
      expect(done.filter((name) => name[0] === key)).toEqual(
        Array.from({ length: wanted / 8 }, (_, n) => `${key}${n}`),
      );
  });
});
