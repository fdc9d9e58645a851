import { NOBODY } from '@tollgate/auth';
import { randomUUID } from 'node:crypto';
import { ForgetAnswers, IdempotencyRecords } from '@tollgate/idempotency';
import { infraFromEnvironment } from '@tollgate/infra';
import {
  AuditStore,
  AuditTrail,
  digestsOf,
  EraseAuditTexts,
  keyManagementEntities,
  keyManagementSchema,
  keysOfPreviousPepper,
  KeyStore,
  Members,
  OrganizationStore,
  refuseOtherPepper,
  reseal,
  TakeEntries,
  TakeOverFormerEvents,
  tellOfUnreadableTexts,
} from '@tollgate/key-management';
import {
  migrate,
  openDatabase,
  Outbox,
  OutboxClaims,
  ServiceDatabase,
  TENANT_SETTING,
  type Database,
} from '@tollgate/postgres';
import { sealingFrom, sealingKeyFromPepper, sealingWith } from '@tollgate/sealing';
import { LeakStore, MailStore, secretScanningSchema } from '@tollgate/secret-scanning';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import {
  BillingMeter,
  BookUsage,
  CloseEpochs,
  CompareBalances,
  FindUsageEvent,
  GatewayInstances,
  OpenEpoch,
  QuarantinedEvents,
  ResolveOrphans,
  resumeOffsets,
  SettleHolds,
  spendingByKey,
  UsageEventMonths,
  usageBillingSchema,
  usedOtherProviders,
} from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  auditRecords,
  RecordingAdmission,
  screening,
  secondVersion,
  usageBatch,
  usageEvent,
} from './billing-fixture.js';
import { changeOf, newDigest, newKey, renamed } from './key-fixture.js';
import { ledgerSeeds, useLedger } from './ledger-statements.js';
import { usageSeeds, useUsage } from './usage-statements.js';
import { useSettings } from './settings-statements.js';
import { CREDIT_TERMS_SEEDS, useCreditTerms } from './credit-terms-statements.js';
import { STATEMENT_SEEDS, useStatements } from './monthly-statement-statements.js';
import { GROUP_SEEDS, useGroups } from './group-statements.js';
import { IMPORT_SEEDS, useImports } from './import-statements.js';
import { useKeyLists } from './key-list-statements.js';
import { CROWDED, MEMBERSHIP_SEEDS, useMembership } from './membership-statements.js';
import { ROTATION_SEEDS, useRotation } from './rotation-statements.js';
import { OAUTH_SEEDS, useOauth } from './oauth-statements.js';
import { OIDC_SEEDS, useOidc } from './oidc-statements.js';
import { SUBSCRIPTION_SEEDS, useSubscriptions } from './subscription-statements.js';
import { useSignIn } from './sign-in-statements.js';
import { StatementCoverage, StatementRecorder, type StatementRecord } from './statement-records.js';
import { statementsIn } from './statement-sites.js';
import { PRICE_SEEDS, usePrices } from './price-statements.js';
import { ALERT_SEEDS, useAlerts } from './alert-statements.js';
import { useWebhooks, WEBHOOK_SEEDS } from './webhook-statements.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
/** Stages of specs, and files that migrate schemas or check that the server is reachable; other suites test them. */
const LEFT_OUT = [
  /-stage\.ts$/,
  /\/store\/migrations\//,
  /^libs\/adapters\/postgres\/src\/(migrate|schema-\w+|wait-for-schema|service-roles|sole-use|look-ups)\.ts$/,
  /^(apps\/standalone\/src\/start|libs\/server\/service\/src\/show-stores)\.ts$/,
];
const statements = statementsIn(['apps', 'libs'], LEFT_OUT);

/** Calls every method that queries the database. */
async function useKeyManagement({ dataSource, lookUps }: Database): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'keys');
  const store = new KeyStore(service, lookUps);
  const members = new Members(service);
  const [one, other] = [newKey(), newKey()];
  const insert = (key: typeof one) =>
    service.inOrganization('default', (manager) => store.insert(manager, changeOf(key), ['pepper']));
  const written = await insert(one);
  await insert(other);
  await store.change('default', [one.id, other.id], (key) => renamed(key, 'another name'));
  await store.addDigests('default', [{ known: digestsOf(one)[0]!, added: newDigest() }], 'another pepper');
  await store.find('default', one.id);
  await store.positionOfFormer('default', 2n);
  await store.findAll('default', [one.id]);
  await store.known('default', [one.id]);
  await store.notDeleted('default', 10);
  await store.findByDigests(digestsOf(one));
  await store.lookUp(digestsOf(one));
  await store.unwrittenSnapshots(one);
  await store.keysWaiting(written);

  const organizations = new OrganizationStore(service);
  const made = {
    id: randomUUID(),
    name: 'another',
    creditLimitNanoUsd: null,
    creditGeneration: 0,
    creditRaise: null,
    billing: {},
    groupRoutes: {},
    keyNamesImmutable: false,
    createdAt: new Date(),
    deletedAt: null,
    version: 1,
  };
  await service.inOrganization(made.id, async (manager) => {
    await organizations.insert(manager, made, 'owner@localhost', NOBODY);
    await organizations.keep(manager, made.id);
  });
  await organizations.find(made.id);
  await organizations.charged(made.id);
  await organizations.list(10, null);
  await organizations.list(10, ['2026-11-28T09:30:00.123456Z', made.id]);
  await organizations.positionOfFormer(2n);

  await useIdempotency(service);
  await useAuditTrail(dataSource);
  await members.ownerEmails(['default']);
  await members.contacts({ organizationId: 'default', apiKeyId: one.id });
  const [before, after] = ['a pepper of the test', 'another one of the test'].map((pepper) => sealingFrom({ pepper }));
  await service.outsideOrganizations((manager) =>
    new Outbox('keys').add(manager, { effect: 'send-mail', key: 'a', payload: before!.seal('text', ['mail', 'a']) }),
  );
  await reseal(
    service,
    sealingFrom({ pepper: 'another one of the test', pepperPrevious: 'a pepper of the test' }, { alone: true }),
  );
  await tellOfUnreadableTexts(service, after!, () => undefined);
  await keysOfPreviousPepper(service, ['a pepper', 'another pepper']);
  await refuseOtherPepper(service, { peppers: ['none was made under it'], warn: () => undefined }).catch(
    () => undefined,
  );
}

async function useAuditTrail(dataSource: Database['dataSource']): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'keys');
  const trail = new AuditTrail();
  const [person] = await dataSource.query<{ id: string }[]>('SELECT id FROM keys.person LIMIT 1');
  const principal = {
    kind: 'person',
    personId: person!.id,
    sessionId: 'a session',
    organizationId: 'default',
    role: 'owner',
    provenAtMs: 0,
  } as const;
  const actor = { principal, address: '192.0.2.1', requestId: randomUUID() };
  await database.inOrganization('default', (manager) =>
    trail.append(manager, 'default', [{ actor, action: 'a.b', targetType: 'a', targetId: 'b' }]),
  );
  await dataSource.query(
    `INSERT INTO keys.audit_event (organization_id, at, actor, action, target_type, target_id, details)
     VALUES ('default', now(), 'admin', 'a.b', 'a', 'b', '{}')`,
  );
  await new TakeOverFormerEvents(database, trail, logger).takeOver();
  const store = new AuditStore(database);
  const all = {
    actor: null, action: null, targetType: null, targetId: null, requestId: null, stream: null, from: null, to: null,
  }; // prettier-ignore
  const told = { actor, action: 'a.b', targetType: 'a', targetId: 'b', organizationId: 'default' };
  await new TakeEntries(database, trail, store, new OrganizationStore(database)).execute([
    { ...told, entryId: randomUUID() },
  ]);
  const entries = await store.page('default', all, 10, null);
  await store.page('default', all, 10, [new Date().toISOString(), 'changes', '7']);
  for (const some of ['actor', 'action', 'targetType', 'targetId', 'requestId'] as const)
    await store.page('default', { ...all, [some]: 'rare' }, 10, null);
  expect(entries.length).toBe(10);
  await store.heads('default');
  await store.chainPart('default', 'changes', { after: 0, last: 10, limit: 10 });
  await store.organizations();
  await new EraseAuditTexts(database, trail).execute('default', { text: '192.0.2.1' }, NOBODY);
}

/** A person makes a key, which gets their member. The last to make one: the plan of that is looked at. */
async function useKeyOfPerson({ dataSource, lookUps }: Database): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'keys');
  const [person] = await dataSource.query<{ id: string }[]>('SELECT id FROM keys.person LIMIT 1');
  const principal = {
    kind: 'person',
    personId: person!.id,
    sessionId: 'a session',
    organizationId: CROWDED,
    role: 'owner',
    provenAtMs: 0,
  } as const;
  const actor = { principal, address: '192.0.2.1', requestId: randomUUID() };
  const store = new KeyStore(service, lookUps);
  await service.inOrganization(CROWDED, (manager) =>
    store.insert(manager, { ...changeOf({ ...newKey(), organizationId: CROWDED }), actor }, ['pepper']),
  );
}

async function useIdempotency(service: ServiceDatabase): Promise<void> {
  const records = new IdempotencyRecords(service, sealingWith([sealingKeyFromPepper('a pepper')]));
  const request = { key: 'k', method: 'POST', path: '/', fingerprint: Buffer.alloc(32), serialize: () => null };
  const owner = {
    organizationId: 'default',
    principal: { kind: 'operator', organizationId: 'default' },
  } as const;
  await service.inOrganization('default', (manager) => records.kept(manager, { owner, request }, new Date()));
  for (let time = 0; time < 2; time++)
    await service.inOrganization('default', async (manager) => {
      if ((await records.claim(manager, { owner, request }, new Date())) === null)
        await records.store(manager, { owner, request }, { status: 201, headers: {}, body: null });
    });
  await new ForgetAnswers(service, logger).forget(new Date());
}

async function useSecretScanning({ dataSource }: Database): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'scanning');
  const mails = new MailStore(service);
  const leaks = new LeakStore(service, mails);
  const now = new Date();
  const [known, unknown, silent] = [newDigest(), newDigest(), newDigest()];
  const found = (digest: string) => ({
    digest,
    origin: 'github',
    url: 'https://example.com',
    source: 'content',
    tokenType: 'key',
  });
  const key = {
    apiKeyId: randomUUID(),
    organizationId: 'default',
    name: 'a key',
    maskedKey: 'sk-…',
    revokedAt: now.toISOString(),
    ownerEmails: ['owner@localhost'],
  };
  await leaks.add([known, unknown, silent].map(found), now);
  await leaks.record(
    [
      { digest: known, outcome: 'revoked', key },
      { digest: unknown, outcome: 'unknown', key: null },
    ],
    now,
  );
  await leaks.escalate([silent], now);
  await leaks.escalateReceivedBefore(now, now);
  await leaks.unrecorded([{ apiKeyId: key.apiKeyId, digests: [known] }]);
  await leaks.forgetReceivedBefore(now);
  await mails.waiting();
  const mail = await mails.take(1_000);
  await mails.retryIn(mail!.id, 1_000);
  await mails.abandon(mail!.id);
  await mails.sent(mail!.id);
  await leaks.leakOf({ ...key, secretId: '' });
}

/** An organisation with many keys, so that its statements are planned as in production. */
const BUSY_ORGANIZATION = randomUUID();

async function useUsageBilling({ dataSource }: Database): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'billing');
  const admission = new RecordingAdmission();
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  const instances = new GatewayInstances(service);
  const bus = { drained: async (): Promise<void> => undefined };
  const organizationId = BUSY_ORGANIZATION;
  const gateway = { instanceId: randomUUID(), journalId: randomUUID() };
  await instances.register(gateway);
  await new OpenEpoch(service, admission, bus, logger, meter).open(organizationId);
  await admission.renewLease(gateway.instanceId);
  await admission.announce({ organizationId, journalId: gateway.journalId, holds: [], finals: [] });
  const event = usageEvent({ organizationId, ...gateway });
  await admission.reserve({
    requestId: randomUUID(), organizationId, apiKeyId: event.apiKeyId, ...gateway, amountNanoUsd: 10n,
    accounts: [{ accountId: `account of ${organizationId}`, capNanoUsd: 1_000n }],
    rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null }, tokens: 0,
  }); // prettier-ignore
  const book = new BookUsage(
    service,
    admission,
    new SettleHolds(admission, logger),
    screening(service, { knownKeys: async (_, ids) => ids }),
    logger,
    meter,
  );
  await book.book(usageBatch([event, 'not JSON'], 1, 7n));
  await book.book(usageBatch([secondVersion(event)], 1, 9n));
  const quarantine = new QuarantinedEvents(service, auditRecords(service));
  const [waiting] = await quarantine.list({}, null, 1);
  await quarantine.find(waiting!.id);
  await service.acrossOrganizations((manager) => quarantine.lockReplayed(manager, event.requestId));
  await quarantine.decideAlone(waiting!, { state: 'discarded', decision: { reason: 'a test' }, actor: NOBODY });
  await quarantine.open(10);
  await instances.markGone([gateway.instanceId]);
  await instances.watched();
  await instances.claim(gateway.journalId);
  await instances.unresolved();
  await instances.endClaims(gateway.journalId);
  await new ResolveOrphans(service, instances, admission, bus, logger, meter).resolveAll();
  await new CloseEpochs(service, instances, admission, meter, logger).notWaitingFor(['i']);
  await instances.markBack([gateway.instanceId]);
  await new CompareBalances(service, admission).of(organizationId);
  await useIdempotency(service);
  await resumeOffsets(service)('a topic', [1]);
  await new FindUsageEvent(service).byRequestId(organizationId, event.requestId);
  await spendingByKey(service, organizationId, [event.apiKeyId], new Date());
  await usedOtherProviders(service, 'openai');
  const months = new UsageEventMonths(service, { usageEventMonths: 6 }, logger);
  await dataSource.query(
    `DO $$ BEGIN EXECUTE 'DROP TABLE billing.usage_event_' || to_char(billing.this_month(), 'YYYY_MM'); END $$`,
  );
  await months.make();
  await dataSource.query(`SELECT billing.make_usage_event_month((billing.this_month() - interval '8 months')::date)`);
  await months.dropPast();
  await months.state();
}

async function useOutbox({ dataSource }: Database): Promise<void> {
  const claims = new OutboxClaims(new ServiceDatabase(dataSource, 'keys'), 'keys');
  const ids = await dataSource.transaction((manager) =>
    new Outbox('keys').add(manager, { effect: 'note', key: 'a', payload: '{}' }),
  );
  const claimId = randomUUID();
  await claims.claim('note', claimId, 1_000, 10);
  await claims.renew(claimId, 1_000);
  await claims.failed(claimId, 0);
  await claims.claim('note', claimId, 1_000, 10);
  await claims.backlog();
  await claims.oldestMs(['note']);
  await claims.waiting(ids);
  await claims.done(ids);
}

/**
 * Inserts enough rows that the planner chooses by statistics, as for a whole organisation's keys. There are fewer than
 * 10,000 keys in all: with more, an index of theirs is one level higher in some runs, and another one is as good.
 */
const SEEDS = [
  ...['keys', 'billing'].map(
    (schema) => `INSERT INTO ${schema}.idempotency_record
      SELECT 'default', sha256(n::text::bytea), sha256(n::text::bytea), now() - n * interval '1 minute', ''
      FROM generate_series(1, 5000) AS n`,
  ),
  `INSERT INTO keys.organization (id, name) SELECT gen_random_uuid(), 'one of many' FROM generate_series(1, 2000)`,
  `INSERT INTO keys.api_key (id, organization_id, name, scopes, created_at, version)
   SELECT gen_random_uuid(), 'default', 'a key', '{inference:write}', now(), 1 FROM generate_series(1, 2000)`,
  `INSERT INTO keys.api_key_secret (digest, api_key_id, pepper_id, masked, created_at)
   SELECT sha256(id::text::bytea), id, 'a pepper', 'sk-…', now() FROM keys.api_key`,
  `INSERT INTO billing.transfer (request_id, account_id, kind, amount_nano_usd)
   SELECT gen_random_uuid(), 'an account', CASE n % 10 WHEN 0 THEN 'void' ELSE 'post' END, 1 FROM generate_series(1, 5000) AS n`,
  `INSERT INTO billing.key_usage
   SELECT 'key ' || n, '${BUSY_ORGANIZATION}', 1, 1, 1, 1, 1, now(), ''
   FROM generate_series(1, 2000) AS n`,
  `INSERT INTO scanning.finding (digest, place_hash, origin, url, source, token_type, received_at)
   SELECT sha256(n::text::bytea), sha256(n::text::bytea), 'github', 'https://example.com', 'content', 'key', now()
   FROM generate_series(1, 5000) AS n`,
  `INSERT INTO keys.audit_subject (organization_id, stream, id, kind, about, text, salt)
   SELECT 'default', 'changes', gen_random_uuid(), 'address', '', 'address ' || n, 'salt' FROM generate_series(1, 2000) AS n`,
  `INSERT INTO keys.audit_entry (organization_id, stream, seq, at, actor, action, target_type, target_id, request_id, entry, prev_hash, hash)
   SELECT 'default', 'refusals', n, now(), CASE n % 999 WHEN 0 THEN 'rare' ELSE 'often' END, CASE n % 999 WHEN 0 THEN 'rare' ELSE 'often' END,
     CASE n % 999 WHEN 0 THEN 'rare' ELSE 'often' END, CASE n % 999 WHEN 0 THEN 'rare' ELSE 'often' END, 'request ' || n, '{}', sha256(''), sha256('')
   FROM generate_series(1, 5000) AS n`,
  ...ledgerSeeds(BUSY_ORGANIZATION),
  ...usageSeeds(BUSY_ORGANIZATION),
  ...CREDIT_TERMS_SEEDS,
  ...SUBSCRIPTION_SEEDS,
  ...GROUP_SEEDS,
  ...IMPORT_SEEDS,
  ...MEMBERSHIP_SEEDS,
  ...ROTATION_SEEDS,
  ...OIDC_SEEDS,
  ...OAUTH_SEEDS,
  ...ALERT_SEEDS,
  ...WEBHOOK_SEEDS,
  ...STATEMENT_SEEDS,
  ...PRICE_SEEDS,
  'VACUUM ANALYZE',
  // From here on statistics are those of the seeds, however long the statements take.
  `DO $$ DECLARE each regclass; BEGIN
     FOR each IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('keys', 'billing', 'scanning') LOOP
       EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', each);
     END LOOP;
   END $$`,
];

/** Statements about a cursor that is open. They have no plan: the one that declares it has. */
const READS_CURSOR = /^(FETCH|CLOSE) /;

const SET_ROLE = `SELECT set_config('role', $1, true), set_config('${TENANT_SETTING}', $2, true)`;

/**
 * The plan under the role that the statement ran as, without sequential scans if possible. Indexes of partitions are
 * named as those of their table.
 */
async function explain({ dataSource }: Database, { sql, parameters, as }: StatementRecord): Promise<string> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query('SET LOCAL enable_seqscan = off');
    if (as !== null) await runner.query(SET_ROLE, [...as]);
    const rows: { 'QUERY PLAN': string }[] = await runner.query(`EXPLAIN ${sql}`, [...parameters]);
    await runner.query('RESET ROLE');
    const parents: { child: string; parent: string }[] = await runner.query(
      `SELECT c.relname AS child, p.relname AS parent FROM pg_inherits
       JOIN pg_class AS c ON c.oid = inhrelid JOIN pg_class AS p ON p.oid = inhparent WHERE c.relkind = 'i'`,
    );
    const names = new Map(parents.map(({ child, parent }) => [child, parent]));
    return rows.map((row) => row['QUERY PLAN'].replace(/\w+/g, (word) => names.get(word) ?? word)).join('\n');
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
}

describe('the statements of the services, on the migrated schema', () => {
  let database: Database;
  let coverage: StatementCoverage;
  const plans = new Map<string, string>();

  beforeAll(async () => {
    const url = await infraFromEnvironment().createDatabase();
    for (const schema of [keyManagementSchema, secretScanningSchema, usageBillingSchema]) await migrate(url, schema);
    database = await openDatabase({
      url,
      poolSize: 3,
      applicationName: 'contract',
      entities: keyManagementEntities,
    });
    for (const seed of SEEDS) await database.dataSource.query(seed);
    const recorder = new StatementRecorder();
    recorder.start();
    try {
      for (const use of [
        useKeyManagement,
        useSignIn,
        useMembership,
        useRotation,
        useGroups,
        useSettings,
        useImports,
        useKeyLists,
        useOidc,
        useOauth,
        useSecretScanning,
        useUsageBilling,
        (opened: Database) => useLedger(opened, BUSY_ORGANIZATION),
        (opened: Database) => useUsage(opened, BUSY_ORGANIZATION),
        useCreditTerms,
        useSubscriptions,
        useOutbox,
        useAlerts,
        useWebhooks,
        useStatements,
        usePrices,
        useKeyOfPerson,
      ])
        await use(database);
    } finally {
      recorder.stop();
    }
    coverage = new StatementCoverage(statements, recorder.records);
    for (const { where, record } of coverage.distinct().filter(({ record: { sql } }) => !READS_CURSOR.test(sql)))
      plans.set(record.sql, await explain(database, record).catch((error: unknown) => `${where}: ${String(error)}`));
  }, 300_000);
  afterAll(() => database?.close());

  it('all run here: none is passed over', () => {
    expect(statements.sites.length).toBeGreaterThan(50);
    expect(coverage.missing()).toEqual([]);
  });

  it('can all be prepared', () => {
    expect([...plans.values()].filter((plan) => !plan.includes('cost='))).toEqual([]);
  });

  it.each(statements.notes.map((note) => [note.name, note] as const))(
    'the indexes that the comment of %s names are those that are used',
    async (_name, note) => {
      expect(note.indexes.length).toBeGreaterThan(0);
      const texts = [...new Set(coverage.recordsOf(note).map(({ sql }) => sql))];
      expect(texts.length).toBeGreaterThan(0);
      const used = texts.map((sql) => plans.get(sql) ?? '').join('\n');
      for (const index of note.indexes) expect(used).toMatch(new RegExp(`\\b${index}\\b`));
    },
  );
});
