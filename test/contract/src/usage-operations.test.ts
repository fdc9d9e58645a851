import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { ADMIN_API_DEFAULT, csrfTokenOf, sessionCookieName } from '@tollgate/auth';
import { inProcessBus, type InProcessBus } from '@tollgate/bus';
import { parseConfig } from '@tollgate/config';
import { AUDIT_RECORDED_V1, auditRecordedV1, USAGE_RECORDED_V1, type AuditRecordedV1 } from '@tollgate/contracts';
import { createNestServer } from '@tollgate/http';
import { waitUntil } from '@tollgate/infra';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { resealBilling, tellOfUnreadableBillingTexts, UsageBillingProcessModule } from '@tollgate/usage-billing';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { billing, databaseShapes, RecordingAdmission, type OpenedDatabase } from './billing-fixture.js';
import {
  realRequest,
  USAGE_OPERATIONS,
  type DocumentedOperation,
  type RealRequest,
  type UsageOperationsStage,
} from './usage-operations.js';
import { repeatedRequests } from './repeated-requests.js';
import { FakeIdentities, usagePermissions } from './usage-permissions.js';
import { WebhookReceiver } from './webhook-receiver.js';

const ADMIN = 'admin-secret-of-the-contract-suite';
const PEPPER = 'a pepper of the contract suite';
const COOKIE = sessionCookieName(ADMIN_API_DEFAULT.publicUrl);
const logger = createLogger({ service: 'contract', level: 'silent' });
const CONFIG = parseConfig(
  `providers: [{name: ours, base_url: 'https://api.openai.com/v1'}]
routes: [{name: m, targets: [{provider: ours, model: gpt-4o-mini}]}]
`,
  { path: 'config.yaml', lookup: () => undefined },
);
/** These tests ask as fast as they can. */
const adminApi = {
  ...ADMIN_API_DEFAULT,
  limits: { ...ADMIN_API_DEFAULT.limits, callsPerSecond: 10_000, callsAtOnce: 100_000 },
};

describe.each(databaseShapes)('the operations of usage-billing, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let bus: InProcessBus;
  let receiver: WebhookReceiver;
  let app: Awaited<ReturnType<typeof createNestServer>>;
  let url: string;
  const identities = new FakeIdentities();
  const told: AuditRecordedV1[] = [];
  const revoked = new Set<string>();
  /** While it is true, the bus takes no messages for the audit trail. */
  let isBusAway = false;

  async function start(): Promise<void> {
    const named = (ids: readonly string[] = []) => ids.map((id) => ({ id, name: id }));
    const module = UsageBillingProcessModule.with({
      keyManagement: {
        identifyPrincipal: identities.identifyPrincipal,
        knownKeys: (_organizationId, ids) => Promise.resolve(ids),
        takeOrganizationTerms: () => Promise.resolve({ everywhere: true }),
        takeSubscriptionTerms: () => Promise.resolve({ everywhere: true }),
        contacts: () => Promise.resolve({ organizationName: null, keyName: null, ownerEmails: [] }),
        knownOwners: ({ apiKeyIds = [], groupIds, projectIds, memberIds }) =>
          Promise.resolve({
            organization: true,
            organizationName: 'Acme',
            apiKeys: apiKeyIds.map((id) => ({ id, name: id, status: revoked.has(id) ? 'leaked' : 'active' })),
            groups: named(groupIds),
            projects: named(projectIds),
            members: named(memberIds),
          }),
        createSubscriptionKey: ({ apiKeyId }) =>
          Promise.resolve({ apiKeyId, maskedKey: 'sk-sub…1234', secret: 'sk-sub-shown-once' }),
      },
      database: opened.database,
      admission: new RecordingAdmission(),
      adminSecrets: [ADMIN],
      serviceSecrets: ['service-secret-of-the-contract-suite'],
      adminApi,
      settings: { prices: CONFIG, webhooksPrivateNetwork: true },
      logger,
      mail: { send: () => Promise.resolve() },
      sealing: sealingFrom({ pepper: PEPPER }),
      bus: {
        publish: (topic, messages) => {
          if (topic !== AUDIT_RECORDED_V1) return Promise.resolve();
          if (isBusAway) return Promise.reject(new Error('the bus is away'));
          for (const { value } of messages) told.push(auditRecordedV1.parse(JSON.parse(value.toString())));
          return Promise.resolve();
        },
      },
      busProgress: bus.server,
      registry: createMetricsRegistry('contract', { processMetrics: false }),
    });
    app = await createNestServer(module, { logger, bodyLimitBytes: 100_000 });
    app.connectMicroservice({ strategy: bus.server });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  }

  beforeAll(async () => {
    opened = await open();
    bus = inProcessBus();
    receiver = await WebhookReceiver.start();
    await start();
  });
  afterAll(async () => {
    await app?.close();
    await receiver?.stop();
    await opened?.close();
  });

  const stage: UsageOperationsStage = {
    url: () => url,
    adminSecret: ADMIN,
    database: () => opened.database,
    receiver: () => receiver.url,
    revokeKey: (apiKeyId) => void revoked.add(apiKeyId),
    publish: async (event) => {
      await bus.publisher.publish(USAGE_RECORDED_V1, [{ key: event.organizationId, value: JSON.stringify(event) }]);
      await bus.server.drained(USAGE_RECORDED_V1);
    },
  };

  describe('each', () => usagePermissions(stage, identities));

  describe('a request with an Idempotency-Key', () => repeatedRequests(stage));

  describe('a webhook that gets a new secret', () => {
    const ask = async (path: string, organizationId: string, body: object) => {
      const reply = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${ADMIN}`,
          'x-organization-id': organizationId,
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
      });
      const answer = (await reply.json()) as Record<'id' | 'secret' | 'code' | 'former_secret_until', string | null>;
      return { ...answer, status: reply.status };
    };
    const webhook = async () => {
      const organizationId = randomUUID();
      const path = `/of-${randomUUID()}`;
      const made = await ask('/v1/webhooks', organizationId, {
        url: `${receiver.url}${path}`,
        events: ['api_key.leaked'],
      });
      const at = `/v1/webhooks/${made.id!}`;
      /** Whether its messages are signed with each of these secrets. */
      const signed = async (...secrets: (string | null)[]) => {
        const count = receiver.to(path).length;
        expect((await ask(`${at}/test`, organizationId, {})).status).toBe(200);
        const { body, headers } = receiver.to(path)[count]!;
        return secrets.map((secret) => {
          try {
            return new Verifier(secret!).verify(body, headers) !== undefined;
          } catch {
            return false;
          }
        });
      };
      return { made, signed, rotate: (body: object) => ask(`${at}/rotate`, organizationId, body) };
    };

    it.each([
      ['in a row', 1],
      ['at once', 4],
    ])('keeps the former one for its grace period, whoever asks again %s', async (_, atOnce) => {
      const { made, signed, rotate } = await webhook();
      const all = await Promise.all(Array.from({ length: atOnce }, () => rotate({})));
      const rotated = all.find(({ status }) => status === 200)!;
      const refused = [
        ...all.filter((each) => each !== rotated),
        await rotate({}),
        await rotate({ grace_period_seconds: 1 }),
      ];
      for (const each of refused) expect(each).toMatchObject({ status: 409, code: 'webhook_rotation_open' });
      expect(Date.parse(rotated.former_secret_until!)).toBeGreaterThan(Date.now());
      expect(await signed(made.secret, rotated.secret)).toEqual([true, true]);
    });

    it('gets another one in its grace period where both are to end at once, and after it', async () => {
      const { made, signed, rotate } = await webhook();
      const second = await rotate({});
      const third = await rotate({ grace_period_seconds: 0 });
      expect(third).toMatchObject({ status: 200, former_secret_until: null });
      expect(await signed(made.secret, second.secret, third.secret)).toEqual([false, false, true]);
      expect((await rotate({})).status).toBe(200);
      await opened.database.dataSource.query('UPDATE billing.webhook SET former_secret_until = now() WHERE id = $1', [
        made.id,
      ]);
      expect((await rotate({})).status).toBe(200);
    });
  });

  describe('an act that changes something', () => {
    const send = async (
      { method, path, body }: RealRequest,
      organizationId: string,
      credential: Record<string, string> = { authorization: `Bearer ${ADMIN}` },
    ) => {
      const reply = await fetch(`${url}${path}`, {
        method,
        headers: {
          'x-organization-id': organizationId,
          ...(body && { 'content-type': 'application/json' }),
          ...credential,
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: reply.status, text: await reply.text(), requestId: reply.headers.get('x-request-id')! };
    };
    const entriesOf = (requestId: string) => told.filter((entry) => entry.requestId === requestId);
    const entryOf = async (requestId: string, what: string) => {
      await waitUntil(() => entriesOf(requestId).length > 0, { what: `an entry about ${what}` });
      return entriesOf(requestId)[0]!;
    };
    const changing = USAGE_OPERATIONS.filter(({ method }) => method !== 'GET');
    const operationOf = (id: string): DocumentedOperation =>
      USAGE_OPERATIONS.find(({ operation }) => operation === id)!;

    it.each(changing.map((each) => [each.operation, each] as const))(
      'stands in the audit trail: %s',
      async (_, each) => {
        const organizationId = randomUUID();
        const request = await realRequest(stage, each, organizationId);
        const { status, text, requestId } = await send(request, organizationId);
        expect(status, text).toBe(each.status);
        const entry = await entryOf(requestId, each.operation);
        expect(entry).toMatchObject({ actor: { type: 'operator', id: null }, address: '127.0.0.1' });
        expect(entry.action).toMatch(/^[a-z_]+\.[a-z_]+$/);
        expect(entry.before, 'what is new has no fields before').not.toBe(entry.after);
        const isOfInstallation = /Plan$|ProviderReport$/.test(each.operation);
        expect(entry.organizationId).toBe(isOfInstallation ? null : organizationId);
        expect(JSON.stringify(entry)).not.toMatch(/whsec_|sk-sub-shown|secret-part-of-the-path/);
      },
    );

    it('is shown with its fields before and after', async () => {
      const organizationId = randomUUID();
      const update = await realRequest(stage, operationOf('updateBudget'), organizationId);
      const { requestId } = await send(update, organizationId);
      expect(await entryOf(requestId, 'the budget')).toMatchObject({
        action: 'budget.updated',
        target: { type: 'budget' },
        before: { amount_usd: '10', reset: 'daily' },
        after: { amount_usd: '11', reset: 'daily' },
      });
      const grant = await realRequest(stage, operationOf('createCreditGrant'), organizationId);
      const given = await send(grant, organizationId);
      await entryOf(given.requestId, 'the grant');
      // The first grant of an organisation makes it prepaid.
      expect(entriesOf(given.requestId)).toMatchObject([
        { action: 'credit_grant.created', before: null, after: { amount_usd: '10', expires_at: null } },
        { action: 'organization_billing.updated', before: { balance: 'postpaid' }, after: { balance: 'prepaid' } },
      ]);
      const settings = await realRequest(stage, operationOf('updateAlertSettings'), organizationId);
      expect(await entryOf((await send(settings, organizationId)).requestId, 'the settings')).toMatchObject({
        after: { emails: [{ $personal: { kind: 'email', text: 'ada@example.org' } }] },
      });
    });

    it('is told of with the person or the key that has done it', async () => {
      const organizationId = randomUUID();
      const token = identities.session('owner', organizationId);
      const cookie = {
        cookie: `${COOKIE}=${token}`,
        origin: new URL(ADMIN_API_DEFAULT.publicUrl).origin,
        'x-csrf-token': csrfTokenOf(token),
      };
      const create = operationOf('createBudget');
      const byPerson = await send(await realRequest(stage, create, organizationId), organizationId, cookie);
      const key = { authorization: `Bearer ${identities.key(['admin'], organizationId)}` };
      const byKey = await send(await realRequest(stage, create, organizationId), organizationId, key);
      expect((await entryOf(byPerson.requestId, 'a person')).actor).toEqual({
        type: 'person',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      });
      expect((await entryOf(byKey.requestId, 'a key')).actor.type).toBe('api_key');
    });

    it('is told of once where it is repeated, and not where it changed nothing or was refused', async () => {
      const organizationId = randomUUID();
      const patch = { method: 'PATCH', path: '/v1/alerts/settings', body: { levels: [90] } };
      const first = await send(patch, organizationId);
      const again = await send(patch, organizationId);
      const wrong = await send({ ...patch, body: { levels: [7] } }, organizationId);
      const grant = {
        method: 'POST',
        path: '/v1/credit-grants',
        body: { organization_id: organizationId, amount_usd: 1 },
      };
      const named = { authorization: `Bearer ${ADMIN}`, 'idempotency-key': randomUUID() };
      const given = await send(grant, organizationId, named);
      const repeated = await send(grant, organizationId, named);
      const last = await send({ ...patch, body: { levels: [80] } }, organizationId);
      await entryOf(last.requestId, 'the last change');
      expect([first, again, wrong, given, repeated].map(({ status }) => status)).toEqual([200, 200, 400, 201, 201]);
      const counted = [first, again, wrong, given, repeated].map(({ requestId }) => entriesOf(requestId).length);
      expect(counted).toEqual([1, 0, 0, 2, 0]);
    });

    it('is told of by the next process, where the bus was away and this one ended', async () => {
      const organizationId = randomUUID();
      isBusAway = true;
      const { requestId, status } = await send(
        await realRequest(stage, operationOf('createCreditGrant'), organizationId),
        organizationId,
      );
      expect(status).toBe(201);
      await app.close();
      expect(entriesOf(requestId)).toEqual([]);
      isBusAway = false;
      bus = inProcessBus();
      await start();
      await waitUntil(() => entriesOf(requestId).length === 2, { what: 'the entries', timeoutMs: 30_000 });
      expect(new Set(entriesOf(requestId).map(({ entryId }) => entryId)).size).toBe(2);
    });
  });

  describe('what is encrypted by any of them', () => {
    const encryptionKey = '0b'.repeat(32);
    const lines = async (sealing: ReturnType<typeof sealingFrom>): Promise<string[]> => {
      const told: string[] = [];
      await tellOfUnreadableBillingTexts(billing(opened.database), sealing, (line) => told.push(line));
      return told;
    };
    /** All columns of the schema that have a sealed text under the key of this id. */
    const columnsUnder = async (keyId: string): Promise<string[]> => {
      const { dataSource } = opened.database;
      const columns = await dataSource.query<{ table: string; column: string }[]>(
        `SELECT c.table_name AS table, c.column_name AS column FROM information_schema.columns AS c
         JOIN information_schema.tables AS t USING (table_schema, table_name)
         WHERE c.table_schema = 'billing' AND t.table_type = 'BASE TABLE' AND c.data_type IN ('text', 'jsonb', 'json', 'ARRAY')`,
      );
      const sealed: string[] = [];
      for (const { table, column } of columns) {
        const found = await dataSource.query<object[]>(
          `SELECT 1 FROM billing."${table}" WHERE "${column}"::text LIKE '%s1.' || $1 || '.%' LIMIT 1`,
          [keyId],
        );
        if (found.length > 0) sealed.push(`${table}.${column}`);
      }
      return sealed.sort();
    };

    it('is encrypted anew under the key that replaces theirs, in every column of the schema', async () => {
      const former = sealingFrom({ pepper: PEPPER });
      const present = sealingFrom({ pepper: 'another pepper', encryptionKey });
      const alone = sealingFrom(
        { pepper: 'another pepper', pepperPrevious: PEPPER, encryptionKey, encryptionKeyPrevious: 'derived' },
        { alone: true },
      );
      const organizationId = randomUUID();
      for (const id of ['createWebhook', 'rotateWebhook', 'createSubscription']) {
        const each = USAGE_OPERATIONS.find(({ operation }) => operation === id)!;
        const { method, path, body } = await realRequest(stage, each, organizationId);
        const reply = await fetch(`${url}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${ADMIN}`,
            'x-organization-id': organizationId,
            'content-type': 'application/json',
            'idempotency-key': randomUUID(),
          },
          body: JSON.stringify(body),
        });
        expect(reply.status).toBe(each.status);
      }
      const sealed = [
        'idempotency_record.answer',
        'subscription.sealed_secret',
        'webhook.former_secret',
        'webhook.secret',
      ];
      expect(await columnsUnder(former.keyIds[0])).toEqual(sealed);
      expect(await lines(former)).toEqual([]);
      expect(await lines(present)).toHaveLength(4);
      const { resealed, unreadable } = await resealBilling(billing(opened.database), alone);
      expect([resealed > 2, unreadable]).toEqual([true, 0]);
      expect(await columnsUnder(former.keyIds[0])).toEqual([]);
      expect(await columnsUnder(present.keyIds[0])).toEqual(sealed);
      expect(await lines(present)).toEqual([]);
      const [webhook] = await opened.database.dataSource.query<{ id: string; secret: string }[]>(
        'SELECT id, secret FROM billing.webhook WHERE organization_id = $1 LIMIT 1',
        [organizationId],
      );
      expect(present.open(webhook!.secret, ['webhook', organizationId, webhook!.id])).toMatch(/^whsec_/);
      expect(await resealBilling(billing(opened.database), alone)).toEqual({ resealed: 0, unreadable: 0 });
    });

    it('stays as it is under a key that is not given', async () => {
      const lost = sealingFrom({ pepper: 'a pepper that nobody has' });
      const organizationId = randomUUID();
      const [id, text] = [randomUUID(), lost.seal('a secret', ['webhook', organizationId, 'an id'])];
      await opened.database.dataSource.query(
        `INSERT INTO billing.webhook (organization_id, id, url, events, secret, created_at, version)
         VALUES ($1, $2, 'https://hooks.example.com', '{api_key.leaked}', $3, now(), 1)`,
        [organizationId, id, text],
      );
      const alone = sealingFrom({ pepper: 'another pepper', encryptionKey }, { alone: true });
      expect(await resealBilling(billing(opened.database), alone)).toEqual({ resealed: 0, unreadable: 1 });
      expect(await lines(alone)).toEqual([expect.stringContaining(`1 secrets of webhooks cannot be read`)]);
    });
  });
});
