import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { infraFromEnvironment } from '@tollgate/infra';
import { AuditStore, AuditTrail, keyManagementSchema, verifyDatabase, VerifyChains } from '@tollgate/key-management';
import { migrate, openDatabase, ServiceDatabase, type Database, type TransactionWork } from '@tollgate/postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Writers that run at once; each has a connection. */
const WRITERS = 100;

let url: string;
let database: Database;
let service: ServiceDatabase;
let verifyChains: VerifyChains;
const trail = new AuditTrail();

beforeAll(async () => {
  url = await infraFromEnvironment().createDatabase();
  await migrate(url, keyManagementSchema);
  database = await openDatabase({ url, poolSize: 25, applicationName: 'contract' });
  service = new ServiceDatabase(database.dataSource, 'keys');
  verifyChains = new VerifyChains(new AuditStore(service));
});
afterAll(() => database?.close());

const entry = (action = 'thing.changed') => ({
  actor: { ...NOBODY, address: '192.0.2.1' },
  action,
  targetType: 'thing',
  targetId: 'a thing',
});
const append = (organizationId: string, ...actions: string[]) =>
  service.inOrganization(organizationId, (manager) => trail.append(manager, organizationId, actions.map(entry)));
const verified = async (organizationId: string, most = 1_000_000) => verifyChains.execute(organizationId, null, most);
async function faultOf(organizationId: string) {
  const { fault } = await verified(organizationId);
  return fault === null ? null : [fault.kind, fault.sequence];
}

/** A transaction that has appended to an organisation, and has not ended. */
async function open(organizationId: string) {
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  let appended!: () => void;
  const begun = new Promise<void>((resolve) => (appended = resolve));
  const transaction = service.inOrganization(organizationId, async (manager) => {
    await trail.append(manager, organizationId, [entry('thing.held')]);
    appended();
    await ended;
  });
  await begun;
  return {
    commit: async () => {
      end();
      await transaction;
    },
  };
}

/** How many sessions wait for a lock. */
async function waiting(): Promise<number> {
  const [row] = await database.dataSource.query<{ n: number }[]>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return row!.n;
}

describe('writers of the audit trail', () => {
  it('make one chain for each organisation, however many write at once', async () => {
    const organizations = Array.from({ length: 5 }, () => randomUUID());
    await Promise.all(
      Array.from({ length: WRITERS }, (_, n) =>
        append(organizations[n % 5]!, ...Array.from({ length: 1 + (n % 3) }, (__, m) => `write.${n}.${m}`)),
      ),
    );
    let total = 0;
    for (const organizationId of organizations) {
      const { fault, verified: count, next } = await verified(organizationId);
      expect({ fault, next }).toEqual({ fault: null, next: null });
      total += count;
    }
    expect(total).toBe(Array.from({ length: WRITERS }, (_, n) => 1 + (n % 3)).reduce((sum, n) => sum + n));
  });

  it('of one organisation take turns; those of another, and refusals, do not wait', async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    const held = await open(one);
    await append(other, 'other.changed');
    await service.inOrganization(one, (manager) => trail.appendRefusals(manager, one, [entry('call.refused')]));
    const second = append(one, 'second.changed');
    await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
    await held.commit();
    await second;
    const { heads, fault } = await verified(one);
    expect(fault).toBeNull();
    expect(heads).toMatchObject({ changes: { count: 2 }, refusals: { count: 1 } });
  });

  it('of several organisations never wait for each other in a circle', async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    const orders = [
      [one, other, null],
      [null, other, one],
    ];
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        service.acrossOrganizations((manager) =>
          trail.appendAll(
            manager,
            orders[n % 2]!.map((organizationId) => ({ ...entry(`both.${n}`), organizationId })),
          ),
        ),
      ),
    );
    expect(await faultOf(one)).toBeNull();
    expect((await verified(other)).verified).toBe(40);
    expect((await verified('installation')).verified).toBeGreaterThanOrEqual(40);
  });

  it('that fail leave no entry and no gap', async () => {
    const at = randomUUID();
    await append(at, 'first.changed');
    await expect(
      service.inOrganization(at, async (manager) => {
        await trail.append(manager, at, [entry('lost.changed')]);
        throw new Error('the change failed');
      }),
    ).rejects.toThrow('the change failed');
    await append(at, 'second.changed');
    expect(await verified(at)).toMatchObject({ fault: null, verified: 2 });
  });

  it('find the transaction as it was: its role, its organisation, and what it may not see', async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    const state = `SELECT current_user AS role, current_setting('tollgate.organization_id') AS tenant`;
    const write: TransactionWork<object[][]> = async (manager) => {
      const before: object[] = await manager.query(state);
      await trail.append(manager, other, [entry()]);
      return [before, await manager.query<object[]>(state)];
    };
    const found = [
      await service.outsideOrganizations(write),
      await service.acrossOrganizations(write),
      await service.inOrganization(one, write),
    ];
    for (const [before, after] of found) expect(after).toEqual(before);
    expect((await verified(other)).verified).toBe(3);
    expect(await service.inOrganization(one, (m) => m.query('SELECT * FROM keys.audit_entry'))).toEqual([]);
  });

  it('may add, and neither change nor delete', async () => {
    const at = randomUUID();
    await append(at, 'a.b');
    for (const statement of ['DELETE FROM keys.audit_entry', `UPDATE keys.audit_entry SET actor = ''`, 'DELETE FROM keys.audit_subject', 'DELETE FROM keys.audit_head'])
      for (const run of [service.acrossOrganizations, service.outsideOrganizations])
        await expect(run.call(service, (manager) => manager.query(statement))).rejects.toThrow('permission denied');
    await expect(database.dataSource.query('TRUNCATE keys.audit_entry')).rejects.toThrow('append-only');
  }); // prettier-ignore
});

describe('a chain in the database', () => {
  const COPIED = 'at, actor, action, target_type, target_id, request_id, entry';
  const AT = 'organization_id = $1';
  const THIRD = `${AT} AND seq = 3`;
  const ENTRY = 'keys.audit_entry';
  it.each<[string, string[], [string, number]]>([
    ['an edited text', [`UPDATE ${ENTRY} SET entry = replace(entry, 'a thing', 'no thing') WHERE ${THIRD}`], ['edited', 3]],
    ['a text of the same meaning', [`UPDATE ${ENTRY} SET entry = (entry::jsonb)::text WHERE ${THIRD}`], ['edited', 3]],
    ['an edited hash', [`UPDATE ${ENTRY} SET hash = sha256('') WHERE ${THIRD}`], ['edited', 3]],
    ['a changed actor', [`UPDATE ${ENTRY} SET actor = 'admin_secret' WHERE ${THIRD}`], ['column_differs', 3]],
    ['a changed action', [`UPDATE ${ENTRY} SET action = 'x' WHERE ${THIRD}`], ['column_differs', 3]],
    ['a changed time', [`UPDATE ${ENTRY} SET at = at - interval '1 day' WHERE ${THIRD}`], ['column_differs', 3]],
    ['a deleted entry', [`DELETE FROM ${ENTRY} WHERE ${THIRD}`], ['missing', 3]],
    ['a deleted oldest entry', [`DELETE FROM ${ENTRY} WHERE ${AT} AND seq = 1`], ['missing', 1]],
    ['a deleted newest entry', [`DELETE FROM ${ENTRY} WHERE ${AT} AND seq = 5`], ['missing', 5]],
    ['a deleted newest entry that the head does not count', [`DELETE FROM ${ENTRY} WHERE ${AT} AND seq = 5`, `UPDATE keys.audit_head SET count = 4 WHERE ${AT}`], ['head_differs', 4]],
    ['all entries deleted', [`DELETE FROM ${ENTRY} WHERE ${AT}`], ['missing', 1]],
    ['a deleted head', [`DELETE FROM keys.audit_head WHERE ${AT}`], ['head_differs', 5]],
    ['an inserted entry', [`INSERT INTO ${ENTRY} SELECT organization_id, stream, 6, ${COPIED}, hash, sha256('') FROM ${ENTRY} WHERE ${AT} AND seq = 5`], ['head_differs', 6]],
    ['an inserted entry that the head counts', [`INSERT INTO ${ENTRY} SELECT organization_id, stream, 6, ${COPIED}, hash, sha256(hash || entry::bytea) FROM ${ENTRY} WHERE ${AT} AND seq = 5`, `UPDATE keys.audit_head SET count = 6 WHERE ${AT}`], ['edited', 6]],
    ['an entry before the first', [`ALTER TABLE ${ENTRY} DROP CONSTRAINT audit_entry_seq_positive`, `INSERT INTO ${ENTRY} SELECT organization_id, stream, 0, ${COPIED}, prev_hash, hash FROM ${ENTRY} WHERE ${AT} AND seq = 1`], ['missing', 1]],
    ['a fork', [`ALTER TABLE ${ENTRY} DROP CONSTRAINT audit_entry_pk`, `INSERT INTO ${ENTRY} SELECT organization_id, stream, seq, at, actor, 'x', target_type, target_id, request_id, entry, prev_hash, hash FROM ${ENTRY} WHERE ${THIRD}`], ['forked', 3]],
    ['two entries in each other’s place', [`ALTER TABLE ${ENTRY} DROP CONSTRAINT audit_entry_pk`, `UPDATE ${ENTRY} SET seq = 5 - seq WHERE ${AT} AND seq IN (2, 3)`], ['broken_link', 2]],
    ['an entry of another chain', [`UPDATE ${ENTRY} SET stream = 'refusals' WHERE ${AT} AND seq = 5`], ['missing', 5]],
    ['a swapped address', [`UPDATE keys.audit_subject SET text = '198.51.100.1' WHERE ${AT}`], ['subject_differs', 1]],
    ['a swapped salt', [`UPDATE keys.audit_subject SET salt = 'salt' WHERE ${AT}`], ['subject_differs', 1]],
    ['a deleted address', [`DELETE FROM keys.audit_subject WHERE ${AT}`], ['subject_missing', 1]],
  ])('shows %s', async (_what, statements, fault) => {
    const at = randomUUID();
    for (let n = 1; n <= 5; n++) await append(at, `thing.changed_${n}`);
    expect(await faultOf(at)).toBeNull();
    const runner = database.dataSource.createQueryRunner();
    await runner.startTransaction();
    try {
      // As somebody who may do everything, in a transaction that nobody else sees.
      await runner.query('ALTER TABLE keys.audit_entry DISABLE TRIGGER USER');
      for (const statement of statements) await runner.query(statement, statement.includes('$1') ? [at] : []);
      const within = {
        inOrganization: (_id: string, work: (manager: typeof runner.manager) => unknown) => work(runner.manager),
      };
      const verify = new VerifyChains(new AuditStore(within as unknown as ServiceDatabase));
      const found = await verify.execute(at, null, 1_000);
      expect(found.fault && [found.fault.kind, found.fault.sequence]).toEqual(fault);
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  }); // prettier-ignore

  it('verifies in parts, each of which goes on where the one before ended', async () => {
    const at = randomUUID();
    for (let n = 0; n < 5; n++) await append(at, 'a.b', 'c.d');
    let [from, calls, total] = [null as Awaited<ReturnType<typeof verified>>['next'], 0, 0];
    do {
      const found = await verifyChains.execute(at, from, 3);
      expect(found.fault).toBeNull();
      [from, calls, total] = [found.next, calls + 1, total + found.verified];
    } while (from !== null);
    expect([calls, total]).toEqual([4, 10]);
    await service.inOrganization(at, (manager) => trail.appendRefusals(manager, at, [entry('call.refused')]));
    const atTheEnd = await verifyChains.execute(at, null, 10);
    expect(atTheEnd.next).toEqual({ stream: 'refusals', count: 0, lastHash: '0'.repeat(64) });
    expect(await verifyChains.execute(at, atTheEnd.next, 10)).toMatchObject({ fault: null, verified: 1, next: null });
    const lie = { stream: 'changes', count: 3, lastHash: 'f'.repeat(64) } as const;
    expect((await verifyChains.execute(at, lie, 3)).fault).toMatchObject({ kind: 'broken_link', sequence: 4 });
  });

  it('is verified with those of all organisations by the command', async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    await append(one, 'a.b');
    await append(other, 'a.b', 'c.d');
    const lines: string[] = [];
    expect(await verifyDatabase(url, (line) => void lines.push(line))).toBe(true);
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`^${other}: untouched, 2 entries; last hashes [0-9a-f]{64}`)),
    );
    await database.dataSource.query('DELETE FROM keys.audit_head WHERE organization_id = $1', [one]);
    expect(await verifyDatabase(url, (line) => void lines.push(line))).toBe(false);
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${one}, entry 1 of changes: .*head_differs`)));
  });

  it('outlives what it speaks of', async () => {
    const at = randomUUID();
    const [person] = await database.dataSource.query<{ id: string }[]>(
      `INSERT INTO keys.person (email) VALUES ($1) RETURNING id`,
      [`${at}@example.org`],
    );
    const principal = {
      kind: 'person', personId: person!.id, sessionId: '', organizationId: at, role: 'owner', provenAtMs: 0,
    } as const; // prettier-ignore
    await service.inOrganization(at, (manager) =>
      trail.append(manager, at, [{ ...entry(), actor: { principal, address: null, requestId: 'r' } }]),
    );
    await database.dataSource.query('DELETE FROM keys.person WHERE id = $1', [person!.id]);
    const all = {
      actor: person!.id,
      action: null,
      targetType: null,
      targetId: null,
      requestId: null,
      stream: null,
      from: null,
      to: null,
    };
    const [read] = await new AuditStore(service).page(at, all, 10, null);
    expect([...read!.subjects.values()]).toMatchObject([{ text: `${at}@example.org` }]);
    expect(await faultOf(at)).toBeNull();
  });
});
