import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { ADMIN_API_DEFAULT } from '@tollgate/auth';
import { cycleOf, type CreditCycle } from '@tollgate/api-key';
import { inProcessBus, type InProcessBus } from '@tollgate/bus';
import {
  ORGANIZATIONS_CHANGED_V1,
  type KnownOwners,
  type OrganizationsChangedV1,
  type PresentLimit,
  type TakenTerms,
} from '@tollgate/contracts';
import { parseConfig } from '@tollgate/config';
import { createNestServer } from '@tollgate/http';
import { waitUntil } from '@tollgate/infra';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { EndGrants, UsageBillingProcessModule } from '@tollgate/usage-billing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { databaseShapes, RecordingAdmission, type OpenedDatabase } from './billing-fixture.js';
import { FakeIdentities } from './usage-permissions.js';

const ADMIN = 'admin-secret-of-the-contract-suite';
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const NANO = 1_000_000_000n;
const CONFIG = parseConfig(
  `providers: [{name: ours, base_url: 'https://api.openai.com/v1'}]
routes: [{name: m, targets: [{provider: ours, model: gpt-4o-mini}]}]
`,
  { path: 'config.yaml', lookup: () => undefined },
);
const logger = createLogger({ service: 'contract', level: 'silent' });

type Shown = Record<string, unknown> & { readonly id: string };

describe.each(databaseShapes)('what is agreed with organisations, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let bus: InProcessBus;
  let admission: RecordingAdmission;
  let app: Awaited<ReturnType<typeof createNestServer>>;
  let url: string;
  let organizationId: string;
  let messages: OrganizationsChangedV1[] = [];
  /** Organisations that key-management does not have; null while it cannot be asked. */
  let missing: Set<string> | null = new Set();
  const identities = new FakeIdentities();
  const strangers = new Set<string>();
  /** What key-management was told by calls, and what it says to that. */
  let taken: OrganizationsChangedV1[] = [];
  const KNOWN = (): Promise<TakenTerms> => Promise.resolve({ everywhere: true });
  let answerTaken = KNOWN;
  /** Whether the bus takes messages. */
  let busIsAway = false;
  /** What key-management says of the limits of keys and organisations, by their ids; nothing where it is silent. */
  const limits = new Map<string, PresentLimit | null>();

  beforeAll(async () => {
    opened = await open();
    bus = inProcessBus();
    admission = new RecordingAdmission();
    const knownOwners = async (asked: {
      organizationId: string;
      apiKeyIds?: readonly string[] | undefined;
      groupIds?: readonly string[] | undefined;
      projectIds?: readonly string[] | undefined;
    }): Promise<KnownOwners> => {
      if (missing === null) throw new Error('away');
      const named = (ids: readonly string[] = []) =>
        ids.filter((id) => !strangers.has(id)).map((id) => ({ id, name: id }));
      const organization = !missing.has(asked.organizationId);
      return {
        organization,
        organizationName: organization ? 'Acme' : null,
        organizationLimit: limits.get(asked.organizationId),
        apiKeys: named(asked.apiKeyIds).map((key) => ({ ...key, limit: limits.get(key.id) })),
        groups: named(asked.groupIds),
        projects: named(asked.projectIds),
        members: [],
      };
    };
    const module = UsageBillingProcessModule.with({
      keyManagement: {
        knownOwners,
        contacts: () =>
          Promise.resolve({ organizationName: 'Acme', keyName: null, ownerEmails: ['owner@example.com'] }),
        identifyPrincipal: identities.identifyPrincipal,
        knownKeys: (_organizationId, ids) => Promise.resolve(ids),
        takeOrganizationTerms: (terms) => {
          taken.push(terms);
          return answerTaken();
        },
      },
      database: opened.database,
      admission,
      adminSecrets: [ADMIN],
      serviceSecrets: ['service-secret-of-the-contract-suite'],
      adminApi: ADMIN_API_DEFAULT,
      sealing: sealingFrom({ pepper: 'a pepper of the test' }),
      mail: { send: () => Promise.resolve() },
      settings: { prices: CONFIG },
      logger,
      bus: {
        publish: async (topic, batch) => {
          if (topic !== ORGANIZATIONS_CHANGED_V1) return;
          if (busIsAway) throw new Error('away');
          messages.push(...batch.map(({ value }) => JSON.parse(String(value)) as OrganizationsChangedV1));
        },
      },
      busProgress: bus.server,
      registry: createMetricsRegistry('contract', { processMetrics: false }),
    });
    app = await createNestServer(module, { logger });
    app.connectMicroservice({ strategy: bus.server });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    await app?.close();
    await opened?.close();
  });
  beforeEach(() => {
    organizationId = randomUUID();
    messages = [];
    taken = [];
    answerTaken = KNOWN;
    busIsAway = false;
  });

  const call = async (method: string, path: string, body?: object, secret = ADMIN) => {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        'x-organization-id': organizationId,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: reply.status, body: (await reply.json()) as Shown & { data: Shown[] } };
  };
  const give = async (fields: object): Promise<Shown> => {
    const made = await call('POST', '/v1/credit-grants', { organization_id: organizationId, ...fields });
    expect(made.status).toBe(201);
    return made.body;
  };
  const grant = async (id: string) => (await call('GET', `/v1/credit-grants/${id}`)).body;
  /** What gateways are told last. */
  const told = async (version: number): Promise<OrganizationsChangedV1> => {
    const found = () => messages.find((each) => each.organizationId === organizationId && each.version === version);
    await waitUntil(() => found() !== undefined, { what: `version ${version} to be told` });
    return found()!;
  };
  const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString();
  const query = (sql: string, parameters: unknown[]) => opened.database.dataSource.query(sql, parameters);
  const transfers = (id: string) =>
    query(`SELECT kind, amount_nano_usd AS amount FROM billing.transfer WHERE account_id = $1 ORDER BY created_at`, [
      `grant:${id}`,
    ]);
  /** The clock of the grant goes on by moving its end into the past. */
  const endedAgo = (id: string, ms: number) =>
    query('UPDATE billing.grant SET expires_at = $2 WHERE id = $1', [id, new Date(Date.now() - ms)]);
  const openEpoch = async (agoMs: number) => {
    await admission.openEpoch({ organizationId, epochId: randomUUID(), posted: [], booked: [], waitingFor: [] });
    await query(
      `INSERT INTO billing.credit_epoch (organization_id, epoch_id, opened_at) VALUES ($1, $2, $3)
       ON CONFLICT (organization_id) DO UPDATE SET opened_at = EXCLUDED.opened_at`,
      [organizationId, randomUUID(), new Date(Date.now() - agoMs)],
    );
  };
  /** A call in flight that holds `usd` on grants. */
  const hold = async (usd: bigint, grants: readonly Shown[]) => {
    const requestId = randomUUID();
    const instanceId = randomUUID();
    await admission.renewLease(instanceId);
    const decision = await admission.reserve({
      requestId,
      organizationId,
      apiKeyId: 'k',
      instanceId,
      journalId: randomUUID(),
      amountNanoUsd: usd * NANO,
      accounts: [],
      grants: grants.map(({ id, amount_usd: amount }) => ({
        accountId: `grant:${id}`,
        capNanoUsd: BigInt(String(amount)) * NANO,
        endMs: null,
      })),
      rateLimits: { requestsPerMinute: null, tokensPerMinute: null, parallelRequests: null },
      tokens: 0,
    });
    expect(decision.kind).toBe('admitted');
    return (charge: bigint) => admission.settle({ requestId, organizationId, chargeNanoUsd: charge * NANO, tokens: 0 });
  };

  describe('a credit grant', () => {
    it('makes an organisation prepaid, and is told to gateways in the order in which it is spent', async () => {
      const never = await give({ amount_usd: '5' });
      const later = await give({ amount_usd: 7, expires_at: '2999-01-01T00:00:00Z' });
      const soon = await give({ amount_usd: '0.000000001', expires_at: tomorrow(), description: 'a trial' });
      const youngest = await give({ amount_usd: '9' });
      expect((await call('GET', `/v1/organizations/${organizationId}/billing`)).body).toMatchObject({
        balance: 'prepaid',
        markup_percent: 0,
      });
      const { grants } = await told(4);
      expect(grants?.map(({ grantId }) => grantId)).toEqual([soon.id, later.id, never.id, youngest.id]);
      expect(grants?.[0]).toMatchObject({ amountNanoUsd: '1', expiresAtMs: Date.parse(String(soon.expires_at)) });
      expect(await grant(soon.id)).toMatchObject({
        organization_id: organizationId,
        description: 'a trial',
        state: 'active',
        amount_usd: '0.000000001',
        spent_usd: '0',
        held_usd: '0',
        expired_usd: '0',
        left_usd: '0.000000001',
      });
      expect(await transfers(never.id)).toEqual([{ kind: 'grant', amount: (5n * NANO).toString() }]);
      const listed = (await call('GET', '/v1/credit-grants?limit=3')).body;
      expect(listed.data.map(({ id }) => id)).toEqual([youngest.id, soon.id, later.id]);
      const next = `/v1/credit-grants?limit=3&cursor=${String(listed.next_cursor)}`;
      expect((await call('GET', next)).body.data.map(({ id }) => id)).toEqual([never.id]);
    });

    it('is given once by a request that names itself and comes again', async () => {
      const asked = { organization_id: organizationId, amount_usd: 5, description: 'once' };
      const post = (key: string, body: object) =>
        fetch(`${url}/v1/credit-grants`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${ADMIN}`,
            'content-type': 'application/json',
            'idempotency-key': key,
          },
          body: JSON.stringify(body),
        });
      const replies = await Promise.all([1, 2, 3].map(() => post('first', asked)));
      expect(replies.map(({ status }) => status)).toEqual([201, 201, 201]);
      const bodies = await Promise.all(replies.map((reply) => reply.json() as Promise<Shown>));
      expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
      expect(replies.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(2);
      await call('POST', `/v1/credit-grants/${bodies[0]!.id}/expire`);
      expect(await (await post('first', asked)).json()).toEqual(bodies[0]);
      expect((await post('first', { ...asked, amount_usd: 6 })).status).toBe(422);
      expect((await post('second', asked)).status).toBe(201);
      expect((await call('GET', '/v1/credit-grants')).body.data).toHaveLength(2);
    });

    it('is spent, held, expired and left in parts that add up to it at each moment', async () => {
      const one = await give({ amount_usd: '10' });
      await openEpoch(2 * MINUTE_MS);
      const settle = await hold(4n, [one]);
      expect(await grant(one.id)).toMatchObject({ spent_usd: '0', held_usd: '4', expired_usd: '0', left_usd: '6' });
      settle(3n);
      await waitUntil(async () => (await grant(one.id)).held_usd === '0', { what: 'the settle' });
      expect(await grant(one.id)).toMatchObject({ spent_usd: '3', held_usd: '0', expired_usd: '0', left_usd: '7' });
    });

    it('expires by the clock at once, and the ledger has what lapsed once no call holds it (row C2)', async () => {
      const one = await give({ amount_usd: '10', expires_at: tomorrow() });
      await openEpoch(2 * MINUTE_MS);
      const settle = await hold(4n, [one]);
      await endedAgo(one.id, 0);
      const expired = { state: 'expired', left_usd: '0', spent_usd: '0', held_usd: '4', expired_usd: '6' };
      expect(await grant(one.id)).toMatchObject(expired);
      expect(await transfers(one.id)).toHaveLength(1);
      await endedAgo(one.id, 20 * SECOND_MS);
      const end = () => app.get(EndGrants).end(new Date());
      // Two processes at once write it once.
      await Promise.all([end(), end()]);
      expect((await told(2)).grants).toEqual([]);
      expect(await transfers(one.id)).toEqual([
        { kind: 'grant', amount: (10n * NANO).toString() },
        { kind: 'expire', amount: (6n * NANO).toString() },
      ]);
      expect(await grant(one.id)).toMatchObject(expired);
      settle(1n);
      await waitUntil(async () => (await grant(one.id)).held_usd === '0', { what: 'the settle' });
      // What the hold gave back lapses, too: at once for who looks, and in the ledger when the charge is booked.
      expect(await grant(one.id)).toMatchObject({ spent_usd: '1', expired_usd: '9', left_usd: '0' });
      await end();
      expect((await transfers(one.id)).map(({ amount }: { amount: string }) => BigInt(amount) / NANO)).toEqual([
        10n,
        6n,
        3n,
      ]);
    });

    /** What each page says of the credit of the organisation, which has one grant. */
    const pages = async (id: string) => {
      const [credits, openRouter, statement, csv, accounts, one] = await Promise.all([
        call('GET', '/v1/credits'),
        call('GET', '/api/v1/credits'),
        call('GET', `/v1/statements?cycle=${new Date().toISOString().slice(0, 7)}`),
        call('GET', '/v1/statements'),
        call('GET', '/v1/ledger/accounts?kind=grant'),
        grant(id),
      ]);
      expect(csv.status).toBe(200);
      return {
        credits: credits.body,
        openRouter: (openRouter.body as unknown as { data: { total_credits: number; total_usage: number } }).data,
        statement: (statement.body as unknown as { credit: Record<string, string> }).credit,
        account: accounts.body.data[0],
        one,
      };
    };

    it('F13: that lapsed is gone on all pages at the same instant, whatever is booked, and what is held is left (C2)', async () => {
      const one = await give({ amount_usd: '10', expires_at: tomorrow() });
      const agree = async (is: { expired: string; held: string; left: string; closing: string }) => {
        const { credits, openRouter, statement, account, one: shown } = await pages(one.id);
        expect(shown).toMatchObject({ expired_usd: is.expired, held_usd: is.held, left_usd: is.left });
        expect(credits).toMatchObject({ expired_usd: is.expired, held_usd: is.held, remaining_usd: is.left });
        expect(statement).toMatchObject({ granted_usd: '10', expired_usd: is.expired, closing_usd: is.closing });
        expect(openRouter.total_credits - openRouter.total_usage).toBeCloseTo(Number(is.left) + Number(is.held), 9);
        expect(account?.remaining_usd ?? is.left).toBe(is.left);
      };
      // No epoch: an hour may pass before the lapse is booked.
      await agree({ expired: '0', held: '0', left: '10', closing: '10' });
      await openEpoch(2 * MINUTE_MS);
      await query(
        `INSERT INTO billing.account (account_id, organization_id, api_key_id, credit_reset, cap_nano_usd, posted_nano_usd, unheld_nano_usd,
           ceiling_nano_usd, generation)
         VALUES ($1, $2, NULL, 'never', 10000000000, 0, 0, 10000000000, 0)`,
        [`grant:${one.id}`, organizationId],
      );
      const settle = await hold(4n, [one]);
      await agree({ expired: '0', held: '4', left: '6', closing: '10' });
      await endedAgo(one.id, 0);
      await agree({ expired: '6', held: '4', left: '0', closing: '4' });
      expect(await transfers(one.id)).toHaveLength(1);
      await endedAgo(one.id, 20 * SECOND_MS);
      await app.get(EndGrants).end(new Date());
      await agree({ expired: '6', held: '4', left: '0', closing: '4' });
      settle(0n);
      await waitUntil(async () => (await grant(one.id)).held_usd === '0', { what: 'the settle' });
      await agree({ expired: '10', held: '0', left: '0', closing: '0' });
      await app.get(EndGrants).end(new Date());
      expect(await transfers(one.id)).toHaveLength(3);
      await agree({ expired: '10', held: '0', left: '0', closing: '0' });
    });

    it('F13: that was never used, and of which no epoch tells, is gone as well, also where it was ended by hand', async () => {
      const [lapsed, ended] = [
        await give({ amount_usd: '0.02', expires_at: tomorrow() }),
        await give({ amount_usd: '0.01' }),
      ];
      await endedAgo(lapsed.id, 1);
      expect((await call('POST', `/v1/credit-grants/${ended.id}/expire`)).status).toBe(200);
      const { credits, openRouter, statement } = await pages(lapsed.id);
      expect(credits).toMatchObject({ expired_usd: '0.03', remaining_usd: '0' });
      expect(statement).toMatchObject({ granted_usd: '0.03', expired_usd: '0.03', closing_usd: '0' });
      expect(openRouter).toEqual({ total_credits: 0, total_usage: 0 });
    });

    it('that expired under a new epoch, whose gateways may not have announced yet, is not written to the ledger', async () => {
      const one = await give({ amount_usd: '10', expires_at: tomorrow() });
      await openEpoch(0);
      await endedAgo(one.id, 20 * SECOND_MS);
      await app.get(EndGrants).end(new Date());
      expect((await told(2)).grants).toEqual([]);
      expect(await transfers(one.id)).toHaveLength(1);
      expect(await grant(one.id)).toMatchObject({ expired_usd: '10', left_usd: '0' });
    });

    it('is ended by the operator, who takes only what is left and un-held', async () => {
      const one = await give({ amount_usd: '10' });
      await openEpoch(2 * MINUTE_MS);
      await hold(4n, [one]);
      const ended = { state: 'expired', spent_usd: '0', held_usd: '4', expired_usd: '6', left_usd: '0' };
      expect((await call('POST', `/v1/credit-grants/${one.id}/expire`)).body).toMatchObject(ended);
      expect((await told(2)).grants).toEqual([]);
      expect((await call('POST', `/v1/credit-grants/${one.id}/expire`)).body).toMatchObject(ended);
      expect(messages.filter((each) => each.organizationId === organizationId)).toHaveLength(2);
      expect((await call('POST', `/v1/credit-grants/${randomUUID()}/expire`)).status).toBe(404);
    });

    it('that is used up leaves the snapshot, and stays in the list', async () => {
      const one = await give({ amount_usd: '1' });
      await query(
        `INSERT INTO billing.account (account_id, organization_id, posted_nano_usd, ceiling_nano_usd, cap_nano_usd)
         VALUES ($1, $2, $3, $3, $3)`,
        [`grant:${one.id}`, organizationId, NANO.toString()],
      );
      await app.get(EndGrants).end(new Date());
      expect((await told(2)).grants).toEqual([]);
      expect(await grant(one.id)).toMatchObject({ state: 'used_up', spent_usd: '1', left_usd: '0', expired_usd: '0' });
    });

    it.each([
      ['amount_usd', { amount_usd: '9000000.000000001' }, 'from 0.000000001 to 9000000'],
      ['amount_usd', { amount_usd: 0 }, 'from 0.000000001'],
      ['amount_usd', { amount_usd: -1 }, 'from 0.000000001'],
      ['amount_usd', { amount_usd: '0.0000000001' }, 'at most 9 decimals'],
      ['amount_usd', { amount_usd: '1e3' }, 'must be an amount in USD'],
      ['amount_usd', { amount_usd: 'NaN' }, 'must be an amount in USD'],
      ['amount_usd', { amount_usd: null }, 'must be an amount in USD'],
      ['amount_usd', {}, 'must be an amount in USD'],
      ['expires_at', { amount_usd: 1, expires_at: '2020-01-01T00:00:00Z' }, 'must be in the future'],
      ['expires_at', { amount_usd: 1, expires_at: 'tomorrow' }, ''],
      ['organization_id', { amount_usd: 1, organization_id: 'Acme' }, 'must be the id of one organisation'],
    ])('is refused with 400 that names %s: %j', async (path, fields, message) => {
      const refused = await call('POST', '/v1/credit-grants', { organization_id: organizationId, ...fields });
      expect(refused).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
      expect(refused.body.errors).toEqual([{ path, message: expect.stringContaining(message) }]);
      expect((await call('GET', '/v1/credit-grants')).body.data).toEqual([]);
    });

    it('is not given to nobody, nor while it cannot be known who there is', async () => {
      missing = new Set<string>([organizationId]);
      const asked = { organization_id: organizationId, amount_usd: 1 };
      expect(await call('POST', '/v1/credit-grants', asked)).toMatchObject({ status: 404 });
      missing = null;
      expect(await call('POST', '/v1/credit-grants', asked)).toMatchObject({ status: 503 });
      missing = new Set();
      expect((await call('GET', '/v1/credit-grants')).body.data).toEqual([]);
    });

    it('is one of a hundred open ones at most', async () => {
      await give({ amount_usd: 1 });
      await query(
        `INSERT INTO billing.grant (organization_id, id, amount_nano_usd, created_at)
         SELECT $1, gen_random_uuid(), 1, now() FROM generate_series(1, 99)`,
        [organizationId],
      );
      const asked = { organization_id: organizationId, amount_usd: 1 };
      expect(await call('POST', '/v1/credit-grants', asked)).toMatchObject({
        status: 409,
        body: { code: 'grant_limit_reached' },
      });
      const { data } = (await call('GET', '/v1/credit-grants?limit=1')).body;
      await call('POST', `/v1/credit-grants/${data[0]!.id}/expire`);
      expect((await call('POST', '/v1/credit-grants', asked)).status).toBe(201);
      // All of them, with as many budgets, stay below 64 KiB.
      await query(
        `INSERT INTO billing.budget (organization_id, id, kind, owner_id, cap_nano_usd, credit_reset, generation, raise_nano_usd,
           raise_until, created_at, version)
         SELECT $1, gen_random_uuid(), 'project', gen_random_uuid(), 8999999999999999, 'monthly', 999999999, 8999999999999999, now(), now(), 1
         FROM generate_series(1, 200)`,
        [organizationId],
      );
      await query(
        'UPDATE billing.grant SET amount_nano_usd = 8999999999999999, expires_at = $2 WHERE organization_id = $1',
        [organizationId, tomorrow()],
      );
      await call('PUT', `/v1/organizations/${organizationId}/billing`, { markup_percent: 1 });
      const largest = await told(4);
      expect(largest).toMatchObject({ markupMillionths: 10_000 });
      expect([largest.budgets.length, largest.grants?.length]).toEqual([200, 100]);
      expect(Buffer.byteLength(JSON.stringify(largest))).toBeLessThan(65_536);
    });

    it('is seen by the owner and by nobody of another organisation', async () => {
      const one = await give({ amount_usd: 1 });
      const key = identities.key(['admin'], organizationId);
      const other = identities.key(['admin'], randomUUID());
      expect((await call('GET', `/v1/credit-grants/${one.id}`, undefined, key)).status).toBe(200);
      expect((await call('GET', `/v1/credit-grants/${one.id}`, undefined, other)).status).toBe(404);
      const elsewhere = `/v1/credit-grants?organization_id=${randomUUID()}`;
      expect((await call('GET', elsewhere, undefined, key)).status).toBe(404);
      expect((await call('POST', `/v1/credit-grants/${one.id}/expire`, undefined, key)).status).toBe(403);
    });
  });

  it('the credit of an organisation is the sum of its grants, exact and as numbers for clients of OpenRouter', async () => {
    const one = await give({ amount_usd: '10' });
    const other = await give({ amount_usd: '0.000000001' });
    await call('POST', `/v1/credit-grants/${other.id}/expire`);
    await query(`INSERT INTO billing.key_usage SELECT $1, $2, 1, 1, 1, 1, 2500000000, now(), ''`, [
      randomUUID(),
      organizationId,
    ]);
    const reader = identities.key(['analytics:read'], organizationId);
    const { body } = await call('GET', '/v1/credits', undefined, reader);
    expect(body).toMatchObject({
      object: 'credits',
      balance: 'prepaid',
      total_granted_usd: '10.000000001',
      used_usd: '0',
      held_usd: '0',
      expired_usd: '0.000000001',
      remaining_usd: '10',
      charged_usd: '2.5',
      grants: expect.arrayContaining([expect.objectContaining({ id: one.id, left_usd: '10' })]),
    });
    const theirs = await call('GET', '/api/v1/credits', undefined, reader);
    // What was charged before the grants, or to a subscription, took nothing of them.
    expect(theirs.body).toEqual({ data: { total_credits: 10, total_usage: 0 } });
    await query(
      `INSERT INTO billing.account (account_id, organization_id, posted_nano_usd, ceiling_nano_usd) VALUES ($1, $2, 1500000000, 1500000000)`,
      [`grant:${one.id}`, organizationId],
    );
    expect((await call('GET', '/v1/credits', undefined, reader)).body).toMatchObject({
      used_usd: '1.5',
      remaining_usd: '8.5',
    });
    expect((await call('GET', '/api/v1/credits', undefined, reader)).body).toEqual({
      data: { total_credits: 10, total_usage: 1.5 },
    });
    await call('PUT', `/v1/organizations/${organizationId}/billing`, { balance: 'postpaid' });
    expect((await call('GET', '/api/v1/credits', undefined, reader)).body).toEqual({
      data: { total_credits: 10, total_usage: 2.5 },
    });
    const inference = identities.key(['inference:write'], organizationId);
    for (const path of ['/v1/credits', '/api/v1/credits'])
      expect((await call('GET', path, undefined, inference)).status).toBe(403);
  });

  describe('an account of the ledger', () => {
    /** What calls were charged to an account under a limit that was 1,000 USD then. */
    const posted = (accountId: string, reset = 'never', startMs: number | null = null, endMs: number | null = null) =>
      query(
        `INSERT INTO billing.account (account_id, organization_id, cap_nano_usd, posted_nano_usd, ceiling_nano_usd, credit_reset,
           cycle_starts_at, cycle_ends_at) VALUES ($1, $2, 1000000000000, 3000000000, 1000000000000, $3, $4, $5)`,
        [accountId, organizationId, reset, startMs && new Date(startMs), endMs && new Date(endMs)],
      );
    const shown = async (accountId: string, path = '/v1/ledger/accounts') => {
      const { status, body } = await call('GET', path);
      expect(status).toBe(200);
      const account = body.data.find(({ id }) => id === accountId)!;
      return [account.cap_usd, account.posted_usd, account.held_usd, account.remaining_usd];
    };
    const limitOf = (usd: bigint, more: Partial<PresentLimit> = {}): PresentLimit => ({
      capNanoUsd: (usd * NANO).toString(),
      reset: 'never',
      raise: null,
      ...more,
    });
    const raise = (usd: bigint, inMs: number) => ({
      raise: { amountNanoUsd: (usd * NANO).toString(), untilMs: Date.now() + inMs },
    });

    it.each<[string, PresentLimit | null | undefined, readonly (string | null)[]]>([
      ['lowered', limitOf(5n), ['5', '3', '0', '2']],
      ['lowered below what is used', limitOf(2n), ['2', '3', '0', '0']],
      ['0', limitOf(0n), ['0', '3', '0', '0']],
      ['raised for a time', limitOf(5n, raise(4n, MINUTE_MS)), ['9', '3', '0', '6']],
      ['raised until a moment ago', limitOf(5n, raise(4n, -1)), ['5', '3', '0', '2']],
      ['taken away', null, [null, '3', '0', null]],
      ['begun anew in another way', limitOf(5n, { reset: 'daily' }), [null, '3', '0', null]],
      ['not told by a release that does not know it', undefined, ['1000', '3', '0', '997']],
    ])('shows the limit of its key and of its organisation where it was %s', async (_what, limit, expected) => {
      const apiKeyId = randomUUID();
      if (limit !== undefined) for (const id of [apiKeyId, organizationId]) limits.set(id, limit);
      await posted(`key:${apiKeyId}`);
      await posted(`organization:${organizationId}`);
      expect(await shown(`key:${apiKeyId}`)).toEqual(expected);
      if (limit?.reset !== 'daily') expect(await shown(`organization:${organizationId}`)).toEqual(expected);
    });

    it('has the present cycle of its limit alone, and of one that has ended its last limit and nothing left', async () => {
      const apiKeyId = randomUUID();
      limits.set(apiKeyId, limitOf(5n, { reset: 'daily' }));
      const [today, week] = [cycleOf('daily', Date.now()), cycleOf('weekly', Date.now())];
      const yesterday = cycleOf('daily', today.startMs - 1);
      const idOf = (cycle: CreditCycle) =>
        `key:${apiKeyId}:${cycle.reset}:${new Date(cycle.startMs).toISOString().slice(0, 10)}`;
      for (const cycle of [today, yesterday, week]) await posted(idOf(cycle), cycle.reset, cycle.startMs, cycle.endMs);
      const all = '/v1/ledger/accounts?ended=true';
      expect(await shown(idOf(today), all)).toEqual(['5', '3', '0', '2']);
      expect(await shown(idOf(week), all)).toEqual([null, '3', '0', null]);
      expect(await shown(idOf(yesterday), all)).toEqual(['1000', '3', '0', '0']);
    });

    it('shows what its budget shows, whatever was changed of it', async () => {
      const groupId = randomUUID();
      const made = await call('POST', '/v1/budgets', { group_id: groupId, amount_usd: '10' });
      await posted(`group:${groupId}`);
      await query(`UPDATE billing.account SET generation = 1000 WHERE account_id = $1`, [`group:${groupId}`]);
      for (const edit of [
        { amount_usd: '5' },
        { amount_usd: '2' },
        { credit_limit_raise: { amount_usd: '7', until: tomorrow() } },
      ]) {
        const { body } = await call('PATCH', `/v1/budgets/${made.body.id}`, edit);
        const [cap, used, held, remaining] = await shown(`group:${groupId}`);
        expect([used, held, remaining]).toEqual([body.used_usd, body.held_usd, body.remaining_usd]);
        expect(cap).toBe('credit_limit_raise' in edit ? '9' : edit.amount_usd);
      }
      await call('PATCH', `/v1/budgets/${made.body.id}`, { reset: 'monthly' });
      expect(await shown(`group:${groupId}`)).toEqual([null, '3', '0', null]);
      await call('DELETE', `/v1/budgets/${made.body.id}`);
      expect(await shown(`group:${groupId}`)).toEqual([null, '3', '0', null]);
    });

    it('shows what its grant shows, whether or not its end was written', async () => {
      const given = await give({ amount_usd: '10', expires_at: tomorrow() });
      await posted(`grant:${given.id}`);
      expect(await shown(`grant:${given.id}`)).toEqual(['10', '3', '0', (await grant(given.id)).left_usd]);
      await endedAgo(given.id, 1);
      expect(await shown(`grant:${given.id}`)).toEqual(['10', '3', '0', '0']);
      expect(await grant(given.id)).toMatchObject({ spent_usd: '3', expired_usd: '7', left_usd: '0' });
    });

    it('is 503 where it is not known how its key is limited', async () => {
      await posted(`key:${randomUUID()}`);
      missing = null;
      expect((await call('GET', '/v1/ledger/accounts')).status).toBe(503);
      missing = new Set();
    });
  });

  describe('how an organisation pays', () => {
    const billing = () => `/v1/organizations/${organizationId}/billing`;
    it('is set by the operator, and told to gateways where it changes', async () => {
      expect((await call('GET', billing())).body).toMatchObject({ balance: 'postpaid', markup_percent: 0 });
      expect((await call('PUT', billing(), { balance: 'prepaid' })).body).toMatchObject({ balance: 'prepaid' });
      expect(await told(1)).toMatchObject({ grants: [], markupMillionths: 0 });
      expect((await call('PUT', billing(), { markup_percent: '2.5' })).body).toMatchObject({
        balance: 'prepaid',
        markup_percent: 2.5,
      });
      expect(await told(2)).toMatchObject({ grants: [], markupMillionths: 25_000 });
      await call('PUT', billing(), { markup_percent: 2.5, balance: 'prepaid' });
      const one = await give({ amount_usd: 3 });
      expect((await told(3)).grants).toHaveLength(1);
      await call('PUT', billing(), { balance: 'postpaid' });
      expect(await told(4)).toMatchObject({ grants: null });
      expect(await grant(one.id)).toMatchObject({ left_usd: '3' });
      const key = identities.key(['admin'], organizationId);
      expect((await call('PUT', billing(), { balance: 'postpaid' }, key)).status).toBe(403);
      expect((await call('GET', billing(), undefined, key)).status).toBe(200);
    });
  });

  describe('the reply to a change', () => {
    const billing = () => `/v1/organizations/${organizationId}/billing`;
    type Change = readonly [method: string, path: string, body?: object];
    const PRICE = { provider: 'ours', model: 'gpt-4o', input_usd_per_million: '1', output_usd_per_million: '2' };
    /** Each change with what gateways must have heard when it is answered. */
    const changes: readonly (readonly [string, () => Promise<Change>, object])[] = [
      ['prepaid', async () => ['PUT', billing(), { balance: 'prepaid' }], { grants: [] }],
      ['a mark-up', async () => ['PUT', billing(), { markup_percent: 5 }], { markupMillionths: 50_000 }],
      [
        'a first grant',
        async () => ['POST', '/v1/credit-grants', { organization_id: organizationId, amount_usd: '5' }],
        { grants: [{ amountNanoUsd: '5000000000' }] },
      ],
      [
        'the end of a grant',
        async () => ['POST', `/v1/credit-grants/${(await give({ amount_usd: '5' })).id}/expire`],
        { grants: [] },
      ],
      [
        'a budget',
        async () => ['POST', '/v1/budgets', { group_id: randomUUID(), amount_usd: '0' }],
        { budgets: [{ capNanoUsd: '0' }] },
      ],
      [
        'a lower budget',
        async () => ['PATCH', `/v1/budgets/${await newBudget()}`, { amount_usd: '1' }],
        { budgets: [{ capNanoUsd: '1000000000' }] },
      ],
      ['the end of a budget', async () => ['DELETE', `/v1/budgets/${await newBudget()}`], { budgets: [] }],
      [
        'own prices',
        async () => ['PUT', `/v1/organizations/${organizationId}/prices`, { prices: [PRICE] }],
        { prices: { entries: [expect.objectContaining({ model: 'gpt-4o' })] } },
      ],
    ];
    const newBudget = async (): Promise<string> =>
      (await call('POST', '/v1/budgets', { group_id: randomUUID(), amount_usd: '9' })).body.id;

    it.each(changes)('of %s comes when gateways know it, whatever becomes of the bus', async (_what, change, known) => {
      const [method, path, body] = await change();
      busIsAway = true;
      const { status } = await call(method, path, body);
      expect(status).toBe(method === 'POST' && !path.endsWith('/expire') ? 201 : 200);
      expect(taken.at(-1)).toMatchObject({ organizationId, ...known });
    });

    it.each<[string, () => Promise<TakenTerms>]>([
      ['could not tell them in time', () => Promise.resolve({ everywhere: false })],
      ['fails', () => Promise.reject(new Error('away'))],
      ['does not answer', () => new Promise(() => undefined)],
    ])('is 202 in bounded time where key-management %s, and the change is stored and told', async (_what, answer) => {
      const { id: expired } = await give({ amount_usd: '5' });
      const [changed, deleted] = [await newBudget(), await newBudget()];
      await told(3);
      answerTaken = answer;
      const begun = performance.now();
      const replies = await Promise.all([
        call('PUT', billing(), { markup_percent: 5 }),
        call('POST', `/v1/credit-grants/${expired}/expire`),
        call('PATCH', `/v1/budgets/${changed}`, { amount_usd: '1' }),
        call('DELETE', `/v1/budgets/${deleted}`),
        call('POST', '/v1/budgets', { project_id: randomUUID(), amount_usd: '2' }),
      ]);
      expect(performance.now() - begun).toBeLessThan(30_000);
      expect(replies.map(({ status }) => status)).toEqual([202, 202, 202, 202, 201]);
      const last = await told(8);
      expect(last).toMatchObject({ markupMillionths: 50_000, grants: [] });
      expect(last.budgets.map(({ capNanoUsd }) => capNanoUsd).sort()).toEqual(['1000000000', '2000000000']);
    });

    it('waits for a change that was stored before, too', async () => {
      answerTaken = () => Promise.resolve({ everywhere: false });
      expect((await call('PUT', billing(), { balance: 'prepaid' })).status).toBe(202);
      expect((await call('PUT', billing(), { balance: 'prepaid' })).status).toBe(202);
      answerTaken = KNOWN;
      expect((await call('PUT', billing(), { balance: 'prepaid' })).status).toBe(200);
      expect(taken.map(({ version }) => version)).toEqual([1, 1, 1]);
    });
  });

  describe('a budget', () => {
    const make = async (fields: object): Promise<Shown> => {
      const made = await call('POST', '/v1/budgets', fields);
      expect(made.status).toBe(201);
      return made.body;
    };
    const charged = (kind: string, ownerId: string, day: string, usd: bigint) =>
      query(
        `INSERT INTO billing.owner_usage_day (organization_id, owner_kind, owner_id, day, charge_nano_usd) VALUES ($1, $2, $3, $4, $5)`,
        [organizationId, kind, ownerId, day, (usd * NANO).toString()],
      );
    const today = () => new Date().toISOString().slice(0, 10);

    it('counts what was charged in the present cycle, which follows from the clock (row B2)', async () => {
      const groupId = randomUUID();
      await charged('group', groupId, '2026-01-01', 100n);
      await charged('group', groupId, today(), 3n);
      const one = await make({ group_id: groupId, amount_usd: '10', reset: 'daily' });
      const { startMs, endMs } = cycleOf('daily', Date.now());
      expect(one).toMatchObject({
        group_id: groupId,
        project_id: null,
        amount_usd: '10',
        used_usd: '3',
        remaining_usd: '7',
        cycle: { starts_at: new Date(startMs).toISOString(), ends_at: new Date(endMs).toISOString() },
        resets_at: new Date(endMs).toISOString(),
        credit_limit_raise: null,
      });
      expect(await told(1)).toMatchObject({
        grants: null,
        budgets: [{ kind: 'group', ownerId: groupId, capNanoUsd: '10000000000', reset: 'daily', generation: 1 }],
      });
    });

    it('keeps its cycle through edits, and daily → weekly → daily refreshes nothing (row B3)', async () => {
      const projectId = randomUUID();
      await charged('project', projectId, today(), 3n);
      const one = await make({ project_id: projectId, amount_usd: '10', reset: 'daily' });
      const edit = async (fields: object) => (await call('PATCH', `/v1/budgets/${one.id}`, fields)).body;
      expect(await edit({ reset: 'daily' })).toMatchObject({ used_usd: '3' });
      expect(messages.filter((each) => each.organizationId === organizationId)).toHaveLength(1);
      expect(await edit({ amount_usd: 12 })).toMatchObject({ used_usd: '3', remaining_usd: '9', cycle: one.cycle });
      expect((await told(2)).budgets[0]).toMatchObject({ generation: 1, capNanoUsd: '12000000000' });
      expect(await edit({ reset: 'weekly' })).toMatchObject({ used_usd: '3' });
      expect((await told(3)).budgets[0]).toMatchObject({ generation: 3, reset: 'weekly' });
      expect(await edit({ reset: 'daily' })).toMatchObject({ used_usd: '3', cycle: one.cycle });
      expect((await told(4)).budgets[0]).toMatchObject({ generation: 4, reset: 'daily' });
    });

    it('of 0 refuses all, and null is no amount (row B1)', async () => {
      const one = await make({ group_id: randomUUID(), amount_usd: 0 });
      expect(one).toMatchObject({ amount_usd: '0', remaining_usd: '0', reset: 'never', cycle: null, resets_at: null });
      expect((await told(1)).budgets[0]).toMatchObject({ capNanoUsd: '0', reset: 'never' });
      for (const amount_usd of [null, 9_000_001, -1, '1.0000000001', '1e3', 'NaN', '', true])
        expect(await call('PATCH', `/v1/budgets/${one.id}`, { amount_usd })).toMatchObject({
          status: 400,
          body: { errors: [{ path: 'amount_usd', message: expect.stringContaining('from 0 to 9000000') }] },
        });
      expect((await call('PATCH', `/v1/budgets/${one.id}`, {})).body).toEqual(one);
    });

    it('is raised until a moment, which ends by itself and can be taken back', async () => {
      const one = await make({ group_id: randomUUID(), amount_usd: '10' });
      const until = tomorrow();
      const edit = (credit_limit_raise: unknown) => call('PATCH', `/v1/budgets/${one.id}`, { credit_limit_raise });
      expect((await edit({ amount_usd: 5, until })).body).toMatchObject({
        amount_usd: '10',
        remaining_usd: '15',
        credit_limit_raise: { amount_usd: '5', until },
      });
      expect((await told(2)).budgets[0]).toMatchObject({
        capNanoUsd: '10000000000',
        raise: { amountNanoUsd: '5000000000', untilMs: Date.parse(until) },
      });
      await query('UPDATE billing.budget SET raise_until = now() WHERE id = $1', [one.id]);
      expect((await call('GET', `/v1/budgets/${one.id}`)).body).toMatchObject({
        credit_limit_raise: null,
        remaining_usd: '10',
      });
      await edit({ amount_usd: 5, until });
      expect((await edit(null)).body).toMatchObject({ credit_limit_raise: null, remaining_usd: '10' });
      const year = new Date(Date.now() + 367 * 86_400_000).toISOString();
      for (const [raise, path] of [
        [{ amount_usd: 5, until: '2020-01-01T00:00:00Z' }, 'credit_limit_raise.until'],
        [{ amount_usd: 5, until: year }, 'credit_limit_raise.until'],
        [{ amount_usd: 8_999_991, until }, 'credit_limit_raise.amount_usd'],
        [{ amount_usd: -1, until }, 'credit_limit_raise.amount_usd'],
      ] as const)
        expect(await edit(raise)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
    });

    it('is the only one of its group, which the organisation must have', async () => {
      const groupId = randomUUID();
      const one = await make({ group_id: groupId, amount_usd: 1 });
      expect(await call('POST', '/v1/budgets', { group_id: groupId, amount_usd: 2 })).toMatchObject({
        status: 409,
        body: { code: 'budget_exists' },
      });
      const stranger = randomUUID();
      strangers.add(stranger);
      for (const field of ['group_id', 'project_id'])
        expect(await call('POST', '/v1/budgets', { [field]: stranger, amount_usd: 2 })).toMatchObject({
          status: 400,
          body: { errors: [{ path: field }] },
        });
      for (const fields of [{ amount_usd: 1 }, { amount_usd: 1, group_id: groupId, project_id: groupId }])
        expect(await call('POST', '/v1/budgets', fields)).toMatchObject({
          status: 400,
          body: { errors: [{ path: 'group_id' }] },
        });
      expect((await call('DELETE', `/v1/budgets/${one.id}`)).body).toMatchObject({ id: one.id, deleted: true });
      expect((await told(2)).budgets).toEqual([]);
      expect((await call('GET', `/v1/budgets/${one.id}`)).status).toBe(404);
      await make({ group_id: groupId, amount_usd: 2 });
      expect((await call('GET', '/v1/budgets')).body.data).toHaveLength(1);
    });

    it('is one of two hundred at most', async () => {
      await query(
        `INSERT INTO billing.budget (organization_id, id, kind, owner_id, cap_nano_usd, credit_reset, generation, created_at, version)
         SELECT $1, gen_random_uuid(), 'group', gen_random_uuid(), 1, 'never', 1, now(), 1 FROM generate_series(1, 200)`,
        [organizationId],
      );
      expect(await call('POST', '/v1/budgets', { group_id: randomUUID(), amount_usd: 2 })).toMatchObject({
        status: 409,
        body: { code: 'budget_limit_reached' },
      });
    });
  });
});
