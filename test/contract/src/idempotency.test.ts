import { randomUUID } from 'node:crypto';
import { IdempotencyRecords, type Claim, type StoredAnswer } from '@tollgate/idempotency';
import { infraFromEnvironment } from '@tollgate/infra';
import { keyManagementSchema } from '@tollgate/key-management';
import { migrate, openDatabase, ServiceDatabase, type Database } from '@tollgate/postgres';
import { sealingKeyFromPepper, sealingWith } from '@tollgate/sealing';
import { usageBillingSchema } from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ANSWER: StoredAnswer = { status: 201, headers: {}, body: { id: 1 } };

function claimOf({ organizationId = 'default', fingerprint = 'f', key = randomUUID() } = {}): Claim {
  return {
    owner: { organizationId, principal: { kind: 'operator', organizationId } },
    request: {
      key,
      method: 'POST',
      path: '/v1/api-keys',
      fingerprint: Buffer.from(fingerprint.repeat(32)),
      serialize: (body) => body,
    },
  };
}

/** The services that keep answers, and the schema of each. */
const SERVICES = [
  { service: 'key-management', schema: 'keys', role: 'tollgate_keys', tables: keyManagementSchema },
  { service: 'usage-billing', schema: 'billing', role: 'tollgate_billing', tables: usageBillingSchema },
] as const;

/** What only a server with several sessions can show; one session is tested beside the code. */
describe.each(SERVICES)('the records of repeated requests of $service, on a server', ({ schema, role, tables }) => {
  let database: Database;
  let service: ServiceDatabase;
  let records: IdempotencyRecords;
  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    await migrate(url, tables);
    database = await openDatabase({ url, poolSize: 4, applicationName: 'contract' });
    service = new ServiceDatabase(database.dataSource, schema);
    records = new IdempotencyRecords(service, sealingWith([sealingKeyFromPepper('a pepper of the test')]));
  });
  afterAll(() => database?.close());

  /** Resolves when a session of this database waits for a lock. */
  const untilWaiting = async (): Promise<void> => {
    for (;;) {
      const rows = await database.dataSource.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      if (rows.length > 0) return;
    }
  };
  const ask = (claim: Claim): Promise<StoredAnswer | null> =>
    service.inOrganization(claim.owner.organizationId, (manager) => records.claim(manager, claim, new Date()));

  it('let the second wait for the first, and give it the first answer', async () => {
    const claim = claimOf();
    let second: Promise<StoredAnswer | null> | undefined;
    await service.inOrganization('default', async (manager) => {
      expect(await records.claim(manager, claim, new Date())).toBeNull();
      second = ask(claim);
      await untilWaiting();
      await records.store(manager, claim, ANSWER);
    });
    expect(await second).toEqual(ANSWER);
  });

  it('let the second have the effect if the first fails', async () => {
    const claim = claimOf();
    let second: Promise<StoredAnswer | null> | undefined;
    const first = service.inOrganization('default', async (manager) => {
      await records.claim(manager, claim, new Date());
      second = ask(claim);
      await untilWaiting();
      throw new Error('the effect failed');
    });
    await expect(first).rejects.toThrow('the effect failed');
    expect(await second).toBeNull();
  });

  it('let the second come again if the first takes long', async () => {
    const claim = claimOf();
    await service.inOrganization('default', async (manager) => {
      await records.claim(manager, claim, new Date());
      await expect(ask(claim)).rejects.toMatchObject({
        code: 'idempotency_conflict',
        headers: { 'retry-after': '1' },
      });
    });
  });

  it('let the effect wait for its own locks as long as any other work', async () => {
    const timeouts = await service.inOrganization('default', async (manager) => {
      const read = () => manager.query<{ lock_timeout: string }[]>('SHOW lock_timeout');
      const before = await read();
      await records.claim(manager, claimOf(), new Date());
      return [before, await read()];
    });
    expect(timeouts[1]).toEqual(timeouts[0]);
  });

  it('belong to one caller, one path and one organisation: nobody else finds them, nor opens what they hold', async () => {
    const claim = claimOf();
    await service.inOrganization('default', async (manager) => {
      await records.claim(manager, claim, new Date());
      await records.store(manager, claim, ANSWER);
    });
    const { owner, request } = claim;
    const person = { kind: 'person', personId: randomUUID(), sessionId: 's', role: 'owner', provenAtMs: 0 } as const;
    const others: Claim[] = [
      { owner: { ...owner, principal: { ...person, organizationId: 'default' } }, request },
      {
        owner: { ...owner, principal: { kind: 'api_key', apiKeyId: 'k', scopes: [], organizationId: 'default' } },
        request,
      },
      { owner: { ...owner, organizationId: randomUUID() }, request },
      { owner, request: { ...request, path: '/v1/api-keys/' } },
      { owner, request: { ...request, method: 'PUT' } },
      { owner, request: { ...request, key: `${request.key}x` } },
    ];
    for (const other of others) expect(await ask(other)).toBeNull();
    expect(await ask(claim)).toEqual(ANSWER);
    await expect(ask({ owner, request: { ...request, fingerprint: Buffer.alloc(32) } })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    });
    // A row that was moved to another organisation in the database does not open there.
    const thief = randomUUID();
    await database.dataSource.query(
      `INSERT INTO ${schema}.idempotency_record SELECT $1, scope, fingerprint, created_at, answer
       FROM ${schema}.idempotency_record WHERE answer IS NOT NULL AND organization_id = 'default' ORDER BY created_at DESC LIMIT 1`,
      [thief],
    );
    await expect(ask({ owner: { ...owner, organizationId: thief }, request })).rejects.toMatchObject({
      code: 'idempotency_conflict',
      cause: { name: 'SealError' },
    });
  });

  it('do not change whose rows the transaction sees', async () => {
    const [inside, record] = [randomUUID(), claimOf()];
    const tenant = await service.inOrganization(inside, async (manager) => {
      await records.claim(manager, record, new Date());
      await records.store(manager, record, ANSWER);
      return manager.query(`SELECT current_setting('tollgate.organization_id') AS tenant, current_user AS role`);
    });
    expect(tenant).toEqual([{ tenant: inside, role }]);
    expect(await ask(record)).toEqual(ANSWER);
  });
});
