import { randomUUID } from 'node:crypto';
import { asRole, infraFromEnvironment } from '@tollgate/infra';
import { digestsOf, keyManagementSchema, KeyStore } from '@tollgate/key-management';
import {
  migrate,
  openDatabase,
  rolesOf,
  ServiceDatabase,
  type Database,
  type MigrateOptions,
} from '@tollgate/postgres';
import { LeakStore, MailStore, secretScanningSchema } from '@tollgate/secret-scanning';
import { usageBillingSchema } from '@tollgate/usage-billing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDigest } from './key-fixture.js';

/** The time stamp of the first migration that release 0.1.0 does not have. */
const FIRST_OF_THIS_RELEASE = 1_796_256_000_000;
const SCHEMAS = [keyManagementSchema, usageBillingSchema, secretScanningSchema];

/** A schema as release 0.1.0 makes it, which knows no roles. */
function formerly({ schema, migrations }: MigrateOptions): MigrateOptions {
  const known = migrations.filter(({ name }) => Number(name.slice(-13)) < FIRST_OF_THIS_RELEASE);
  return { schema, migrations: known };
}

/** Statements of release 0.1.0, as they were: its processes run until the last of them is replaced. */
const FORMER = {
  insertKey: `INSERT INTO keys.api_key (id, organization_id, name, description, scopes, expires_at, credit_limit_nano_usd,
       requests_per_minute, tokens_per_minute, parallel_requests, models, allowed_ips, created_at, version)
     VALUES ($1, 'default', 'a key', NULL, '{inference:write}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, now(), 1)`,
  insertSecret: `INSERT INTO keys.api_key_secret (digest, api_key_id, pepper_id, masked, created_at)
     SELECT decode(d, 'hex'), $2, $3, $4, $5 FROM unnest($1::text[]) AS secret (d)`,
  keyByDigest: `SELECT k.id, o.version, s.digests FROM keys.api_key k JOIN keys.organization o ON o.id = k.organization_id
     CROSS JOIN LATERAL (SELECT array_agg(encode(digest, 'hex')) AS digests FROM keys.api_key_secret WHERE api_key_id = k.id) s
     WHERE k.id IN (SELECT api_key_id FROM keys.api_key_secret WHERE digest IN (SELECT decode(d, 'hex') FROM unnest($1::text[]) AS asked (d)))`,
  ensureOwner: `INSERT INTO keys.member (organization_id, email, role) VALUES ($1, $2, 'owner') ON CONFLICT ON CONSTRAINT member_email_unique DO NOTHING`,
  ownerEmails: `SELECT organization_id, array_agg(email ORDER BY email) AS emails FROM keys.member
     WHERE organization_id = ANY($1::text[]) AND role = 'owner' GROUP BY organization_id`,
  insertAudit: `INSERT INTO keys.audit_event (organization_id, at, actor, action, target_type, target_id, details, from_address)
     VALUES ('default', now(), 'admin', 'api_key.created', 'api_key', $1, '{}', NULL)`,
  addToOutbox: `INSERT INTO keys.outbox (effect, key, payload)
     SELECT effect, key, payload FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS e (effect, key, payload, n)
     ORDER BY n RETURNING id`,
  claim: `UPDATE keys.outbox o SET claim_id = $2, claimed_until = now() + interval '1 second', attempts = o.attempts + 1
     WHERE o.id = ANY($1::bigint[]) RETURNING o.id, o.payload`,
  done: `DELETE FROM keys.outbox WHERE id = ANY($1::bigint[])`,
  insertEvent: `INSERT INTO billing.usage_event (request_id, organization_id, api_key_id, journal_id, journal_number, outcome, route,
       provider, model, stream, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_source, cost_nano_usd,
       charge_nano_usd, hold_nano_usd, accounts, price_version, started_at, ended_at, client_address)
     VALUES ($1, 'default', 'a key', 'a journal', 1, 'completed', 'r', 'p', 'm', false, 1, 1, 0, 0, 'provider', 10, 10, NULL, '[]', 'v1', now(), now(), '')`,
  insertTransfers: `INSERT INTO billing.transfer AS known (request_id, account_id, kind, amount_nano_usd)
     SELECT request_id, account_id, kind, amount_nano_usd
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) AS given (request_id, account_id, kind, amount_nano_usd)`,
  saveAccount: `INSERT INTO billing.account AS known (account_id, organization_id, posted_nano_usd) VALUES ('an account', 'default', 10)
     ON CONFLICT (account_id) DO UPDATE SET posted_nano_usd = EXCLUDED.posted_nano_usd`,
  monthsDue: 'SELECT month::text FROM billing.usage_event_months_due(4) AS month',
  makeMonth: 'SELECT billing.make_usage_event_month($1::date) AS made',
  insertLeak: `INSERT INTO scanning.leak (api_key_id, organization_id, key_name, masked_key, revoked_at, reported_at)
     VALUES ($1, 'default', 'a key', 'sk-…', now(), now())`,
  insertFinding: `INSERT INTO scanning.finding (digest, place_hash, origin, url, source, token_type, received_at)
     VALUES (decode($1, 'hex'), decode($1, 'hex'), 'github', 'https://example.com', 'content', 'key', now())`,
  resolveFinding: `UPDATE scanning.finding f SET api_key_id = k.api_key_id
     FROM (SELECT DISTINCT decode(digest, 'hex') AS digest, api_key_id FROM unnest($1::text[], $2::text[]) AS asked (digest, api_key_id)) k
     WHERE f.digest = k.digest AND f.api_key_id IS NULL`,
  oweMail: `INSERT INTO scanning.leak_mail (api_key_id, recipient, created_at)
     SELECT api_key_id, recipient, $3 FROM unnest($1::text[], $2::text[]) AS m (api_key_id, recipient)
     ORDER BY api_key_id, recipient ON CONFLICT ON CONSTRAINT leak_mail_once DO NOTHING`,
} as const;

/** The user of the release before is no superuser here: nothing but a policy lets it see the tables that it owns. */
describe('a process of the release before, on the schemas of this one', () => {
  const owner = `former_owner_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  const earlier = { apiKeyId: randomUUID(), digest: newDigest(), requestId: randomUUID() };
  let administrator: Client;
  let former: Client;
  let [keys, billing, scanning]: Database[] = [];
  let refused = '';
  const run = (statement: keyof typeof FORMER, parameters: unknown[] = []) =>
    former.query(FORMER[statement], parameters);
  const insertKey = async (id: string, digest: string): Promise<void> => {
    await run('insertKey', [id]);
    await run('insertSecret', [[digest], id, 'a pepper', 'sk-…', new Date()]);
  };

  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    administrator = new Client({ connectionString: url });
    await administrator.connect();
    await administrator.query(`CREATE ROLE ${owner} LOGIN PASSWORD 'former'`);
    await administrator.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO ${owner}`);
    const ofOwner = new URL(url);
    [ofOwner.username, ofOwner.password] = [owner, 'former'];
    for (const schema of SCHEMAS) await migrate(ofOwner.href, formerly(schema));
    former = new Client({ connectionString: ofOwner.href });
    await former.connect();
    await insertKey(earlier.apiKeyId, earlier.digest);
    await run('insertEvent', [earlier.requestId]);
    await run('insertTransfers', [[earlier.requestId], ['an account'], ['post'], ['10']]);
    await run('saveAccount');
    refused = await migrate(ofOwner.href, keyManagementSchema).then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    // An administrator makes the roles: here it is the one who migrates another database of the server.
    const another = await infraFromEnvironment().createDatabase();
    for (const schema of SCHEMAS) {
      const { service } = rolesOf(schema.serviceSchema!);
      await migrate(another, schema, asRole(another, service));
      await migrate(ofOwner.href, schema, asRole(url, service));
    }
    [keys, billing, scanning] = (await Promise.all(
      SCHEMAS.map((schema) =>
        openDatabase({
          url: asRole(url, rolesOf(schema.serviceSchema!).service),
          poolSize: 2,
          applicationName: 'contract',
        }),
      ),
    )) as [Database, Database, Database];
  });
  afterAll(async () => {
    for (const database of [keys, billing, scanning]) await database?.close();
    await former?.end();
    await administrator?.query(`DROP OWNED BY ${owner} CASCADE`);
    await administrator?.query(`ALTER DATABASE ${administrator.database} OWNER TO CURRENT_USER`);
    await administrator?.query(`DROP ROLE ${owner}`);
    await administrator?.end();
  });

  it('is told, where its user may not make roles or act as them, what an administrator has to run', () => {
    expect(refused).toMatch(
      /^DATABASE_MIGRATION_URL: the role former_owner_\w+ may not make the roles of the service; /,
    );
    expect(refused).toContain(`GRANT tollgate_keys, tollgate_keys_all_tenants TO "${owner}"`);
  });

  it('connects as a user that is bound by policies, and that is not let act as the services', async () => {
    const { rows } = await former.query(
      `SELECT rolsuper OR rolbypassrls AS unbound, pg_has_role(current_user, 'tollgate_keys', 'MEMBER') AS member
       FROM pg_roles WHERE rolname = current_user`,
    );
    expect(rows).toEqual([{ unbound: false, member: false }]);
  });

  it('finds keys of before and of now by their digests, and makes keys that this release finds', async () => {
    const [id, digest] = [randomUUID(), newDigest()];
    await insertKey(id, digest);
    const { rows } = await run('keyByDigest', [[digest, earlier.digest]]);
    expect(rows.map((row: { id: string }) => row.id).sort()).toEqual([id, earlier.apiKeyId].sort());
    const store = new KeyStore(new ServiceDatabase(keys!.dataSource, 'keys'), keys!.lookUps);
    for (const [apiKeyId, known] of [
      [id, digest],
      [earlier.apiKeyId, earlier.digest],
    ] as const) {
      expect((await store.lookUp([known])).get(known)?.key.id).toBe(apiKeyId);
      expect(digestsOf((await store.find('default', apiKeyId))!)).toEqual([known]);
    }
  });

  it('writes and reads owners, the audit trail and the outbox', async () => {
    await run('ensureOwner', ['default', 'former@example.com']);
    const { rows } = await run('ownerEmails', [['default']]);
    expect(rows[0].emails).toContain('former@example.com');
    await run('insertAudit', [earlier.apiKeyId]);
    const added = await run('addToOutbox', [['write-snapshot'], ['a key'], ['{}']]);
    const ids = added.rows.map((row: { id: string }) => row.id);
    expect((await run('claim', [ids, randomUUID()])).rows).toEqual([{ id: ids[0], payload: '{}' }]);
    expect((await run('done', [ids])).rowCount).toBe(1);
  });

  it('books usage, and its transfers belong to the organisation of their request', async () => {
    const requestId = randomUUID();
    await run('insertEvent', [requestId]);
    await run('insertTransfers', [
      [requestId, requestId],
      ['an account', 'platform'],
      ['post', 'platform_loss'],
      ['10', '5'],
    ]);
    await run('saveAccount');
    const transfers = await new ServiceDatabase(billing!.dataSource, 'billing').inOrganization('default', (manager) =>
      manager.query<{ account_id: string }[]>('SELECT DISTINCT account_id, request_id FROM billing.transfer'),
    );
    expect(transfers.map(({ account_id }) => account_id)).toEqual(['an account', 'an account']);
    const [due] = (await run('monthsDue')).rows;
    expect((await run('makeMonth', [due.month])).rows).toEqual([{ made: true }]);
  });

  it('records leaks that this release mails about', async () => {
    const [apiKeyId, digest] = [randomUUID(), newDigest()];
    await run('insertFinding', [digest]);
    await run('insertLeak', [apiKeyId]);
    await run('resolveFinding', [[digest], [apiKeyId]]);
    await run('oweMail', [[apiKeyId], ['owner@example.com'], new Date()]);
    const service = new ServiceDatabase(scanning!.dataSource, 'scanning');
    const mails = new MailStore(service);
    const mail = await mails.take(1_000);
    expect(mail).toMatchObject({ organizationId: 'default', apiKeyId, recipient: 'owner@example.com' });
    expect(
      (await new LeakStore(service, mails).leakOf({ organizationId: 'default', apiKeyId, secretId: '' })).places,
    ).toHaveLength(1);
  });
});
