import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { budgetAccountId, cycleAccountId, cycleOf, paygAccountId, type CreditReset } from '@tollgate/api-key';
import { ADMIN_API_DEFAULT } from '@tollgate/auth';
import { inProcessBus, type InProcessBus } from '@tollgate/bus';
import {
  CREDIT_THRESHOLD_CROSSED_V1,
  LIMITS_CHANGED_V1,
  USAGE_RECORDED_V1,
  type LimitsChangedV1,
  type UsageRecordedV1,
} from '@tollgate/contracts';
import { createNestServer } from '@tollgate/http';
import { waitUntil } from '@tollgate/infra';
import type { Mail } from '@tollgate/mail';
import { ServiceDatabase } from '@tollgate/postgres';
import { sealingFrom } from '@tollgate/sealing';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { UsageBillingProcessModule, WatchLimits, WatchRefusals, WatchSpending } from '@tollgate/usage-billing';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { databaseShapes, RecordingAdmission, usageEvent, type OpenedDatabase } from './billing-fixture.js';
import { WebhookReceiver } from './webhook-receiver.js';

const ADMIN = 'admin-secret-of-the-alerts-suite';
/** What the service warns of; a test that fails shows it. */
const warnings: string[] = [];
const logger = createLogger({
  service: 'contract',
  level: 'warn',
  destination: { write: (line) => void warnings.push(line) },
});

interface ShownAlert {
  readonly level: number | null;
  readonly account: string;
  readonly kind: string;
  readonly used_usd: string;
}

describe.each(databaseShapes)('alerts, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  let bus: InProcessBus;
  let receiver: WebhookReceiver;
  let app: Awaited<ReturnType<typeof createNestServer>>;
  let url: string;
  const mails: Mail[] = [];
  const published: { topic: string; value: string }[] = [];
  /** How many mails the mail server refuses before it takes one. */
  let refusedMails = 0;
  const admission = new RecordingAdmission();
  let keyManagementIsAway = false;

  beforeAll(async () => {
    opened = await open();
    bus = inProcessBus();
    receiver = await WebhookReceiver.start();
    const module = UsageBillingProcessModule.with({
      keyManagement: {
        identifyPrincipal: () => Promise.reject(new Error('nobody asks')),
        createSubscriptionKey: ({ apiKeyId }) =>
          Promise.resolve({ apiKeyId, maskedKey: 'sk-sub…1234', secret: 'sk-sub-1234' }),
        knownKeys: (_organizationId, ids) => Promise.resolve(ids),
        takeOrganizationTerms: () => Promise.resolve({ everywhere: true }),
        takeSubscriptionTerms: () => Promise.resolve({ everywhere: true }),
        knownOwners: ({ groupIds = [] }) =>
          Promise.resolve({
            organization: true,
            organizationName: null,
            apiKeys: [],
            groups: groupIds.map((id) => ({ id, name: 'a group' })),
            projects: [],
            members: [],
          }),
        contacts: ({ organizationId }) =>
          keyManagementIsAway
            ? Promise.reject(new Error('away'))
            : Promise.resolve({
                organizationName: 'Acme',
                keyName: 'support bot',
                ownerEmails: [`owner@${organizationId}.example`],
              }),
      },
      database: opened.database,
      admission,
      adminSecrets: [ADMIN],
      serviceSecrets: ['service-secret-of-the-alerts-suite'],
      adminApi: ADMIN_API_DEFAULT,
      settings: { webhooksPrivateNetwork: true },
      logger,
      bus: {
        publish: async (topic, messages) => {
          for (const { value } of messages) published.push({ topic, value: value.toString() });
          await bus.publisher.publish(topic, messages);
        },
      },
      mail: {
        send: (mail) => {
          if (refusedMails > 0) {
            refusedMails -= 1;
            return Promise.reject(new Error('the mail server is away'));
          }
          mails.push(mail);
          return Promise.resolve();
        },
      },
      sealing: sealingFrom({ pepper: 'a pepper of the alerts suite' }),
      busProgress: bus.server,
      registry: createMetricsRegistry('contract', { processMetrics: false }),
    });
    app = await createNestServer(module, { logger });
    app.connectMicroservice({ strategy: bus.server });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.log(warnings.join(''));
    warnings.length = 0;
  });
  afterAll(async () => {
    await app?.close();
    await receiver?.stop();
    await opened?.close();
  });

  const call = async (method: string, path: string, organizationId: string, body?: unknown) => {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${ADMIN}`,
        'x-organization-id': organizationId,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
  };
  const alertsOf = async (organizationId: string, query = ''): Promise<ShownAlert[]> =>
    (await call('GET', `/v1/alerts${query}`, organizationId)).body['data'] as ShownAlert[];
  const spend = async (organizationId: string, charge: number, account: { id: string; cap: number }, at?: Date) => {
    // The day of its account may have begun a moment ago; no call is of the future.
    const ofAccount = Date.parse(`${/\d{4}-\d\d-\d\d$/.exec(account.id)?.[0] ?? '2026-11-20'}T10:00:00.000Z`);
    const startedAt = (at ?? new Date(Math.min(ofAccount, Date.now()))).toISOString();
    const event: UsageRecordedV1 = usageEvent({
      organizationId,
      apiKeyId: organizationId,
      startedAt,
      endedAt: startedAt,
      costNanoUsd: String(charge),
      chargeNanoUsd: String(charge),
      holdNanoUsd: String(charge),
      accounts: [{ accountId: account.id, capNanoUsd: String(account.cap) }],
    });
    await bus.publisher.publish(USAGE_RECORDED_V1, [{ key: organizationId, value: JSON.stringify(event) }]);
  };
  const mailsOf = (organizationId: string) => mails.filter(({ to }) => to[0] === `owner@${organizationId}.example`);
  const untilMails = (organizationId: string, count: number) =>
    waitUntil(() => mailsOf(organizationId).length >= count, { what: `${count} mails came` });

  it('G1: come once for each level of each cycle, to owners, chosen addresses, webhooks and the bus', async () => {
    const organization = randomUUID();
    await call('PATCH', '/v1/alerts/settings', organization, { emails: ['Finance@Example.com'] });
    const made = await call('POST', '/v1/webhooks', organization, {
      url: `${receiver.url}/alerts-of-${organization}`,
      events: ['credit.threshold_crossed'],
    });
    expect(made.status).toBe(201);
    const november = { id: `key:${organization}:monthly:2026-11-01`, cap: 1_000 };
    await spend(organization, 700, november);
    expect(await alertsOf(organization)).toEqual([]);
    await spend(organization, 100, november);
    for (let time = 0; time < 5; time++) await spend(organization, 10, november);
    expect(await alertsOf(organization)).toMatchObject([
      { level: 80, account: november.id, account_kind: 'key', used_usd: '0.0000008', limit_usd: '0.000001' },
    ]);
    await untilMails(organization, 1);
    await waitUntil(() => mails.some(({ to }) => to[0] === 'finance@example.com'), { what: 'the chosen address' });
    await waitUntil(() => receiver.to(`/alerts-of-${organization}`).length > 0, { what: 'the webhook' });
    const [{ body, headers }] = receiver.to(`/alerts-of-${organization}`) as [never];
    expect(new Webhook(made.body['secret'] as string).verify(body, headers)).toMatchObject({
      type: 'credit.threshold_crossed',
      data: { level: 80, account: november.id, used_usd: '0.0000008', limit_usd: '0.000001' },
    });
    await waitUntil(() => published.some(({ value }) => value.includes(november.id)), { what: 'the bus' });
    expect(published.filter(({ value }) => value.includes(november.id)).map(({ topic }) => topic)).toEqual([
      CREDIT_THRESHOLD_CROSSED_V1,
    ]);
    expect(mailsOf(organization).map(({ subject }) => subject)).toEqual([
      '80 % of the credit limit of API key “support bot” is used',
    ]);

    // Another cycle is another account.
    await spend(organization, 950, { id: `key:${organization}:monthly:2026-10-01`, cap: 1_000 });
    await untilMails(organization, 2);
    expect((await alertsOf(organization)).map(({ level }) => level)).toEqual([90, 80]);
    expect(await alertsOf(organization, '?level=90')).toMatchObject([{ level: 90 }]);
    expect(await alertsOf(organization, `?account=${november.id}`)).toMatchObject([{ level: 80 }]);
    expect(await alertsOf(randomUUID())).toEqual([]);
  });

  it('G2: say 100 % when all is posted, and nothing more in that cycle', async () => {
    const organization = randomUUID();
    const account = { id: `key:${organization}:daily:2026-11-20`, cap: 100 };
    await spend(organization, 100, account);
    await untilMails(organization, 1);
    expect(await alertsOf(organization)).toMatchObject([{ level: 100, reason: 'posted' }]);
    expect(mailsOf(organization)[0]!.subject).toContain('is used up');
  });

  /** A gateway refuses a call of 50 nano-USD on an account. */
  const refuse = (organizationId: string, account: { id: string; cap: number } | 'prepaid', left: number) => {
    const accounts = account === 'prepaid' ? [] : [{ accountId: account.id, capNanoUsd: BigInt(account.cap) }];
    admission.refused(
      { organizationId, accounts, amountNanoUsd: 50n, ...(account === 'prepaid' ? { grants: [] } : {}) } as never,
      {
        kind: 'credit_exhausted',
        accountId: account === 'prepaid' ? 'grants' : account.id,
        availableNanoUsd: BigInt(left),
      },
    );
  };
  const untilAlerts = (organizationId: string, count: number) =>
    waitUntil(async () => (await alertsOf(organizationId)).length >= count, { what: `${count} alerts are there` });

  it('G2: say 100 % at the first refusal, whatever is posted, and once in a cycle', async () => {
    const organization = randomUUID();
    const made = await call('POST', '/v1/webhooks', organization, {
      url: `${receiver.url}/refusals-of-${organization}`,
      events: ['credit.threshold_crossed'],
    });
    expect(made.status).toBe(201);
    const account = { id: `key:${organization}:daily:2026-11-20`, cap: 100 };
    await spend(organization, 97, account);
    await untilMails(organization, 1);
    refuse(organization, account, 3);
    await untilAlerts(organization, 2);
    expect(await alertsOf(organization, '?level=100')).toMatchObject([
      {
        reason: 'refused',
        account: account.id,
        api_key_id: organization,
        used_usd: '0.000000097',
        limit_usd: '0.0000001',
        asked_usd: '0.00000005',
        left_usd: '0.000000003',
      },
    ]);
    await untilMails(organization, 2);
    expect(mailsOf(organization)[1]!.subject).toContain('A call was refused: the credit limit of API key');
    await waitUntil(() => receiver.to(`/refusals-of-${organization}`).length > 1, { what: 'the webhook' });
    const bodies = receiver.to(`/refusals-of-${organization}`).map(({ body }) => JSON.parse(body) as { data: object });
    expect(bodies.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ level: 100, reason: 'refused', asked_usd: '0.00000005' }),
    );
    // A raise in the same cycle, and the charge of the rest, are told of no more.
    refuse(organization, { ...account, cap: 120 }, 23);
    await waitUntil(async () => (await admission.untoldRefusals()).length === 0, { what: 'it was read' });
    await spend(organization, 3, account);
    expect((await alertsOf(organization)).map(({ level }) => level)).toEqual([100, 90]);
  });

  it('G2: say it of an account without cycles again under a raised limit, though it was never used', async () => {
    const organization = randomUUID();
    const id = `key:${organization}`;
    refuse(organization, { id, cap: 10 }, 10);
    await untilAlerts(organization, 1);
    refuse(organization, { id, cap: 40 }, 40);
    await untilAlerts(organization, 2);
    refuse(organization, { id, cap: 5 }, 5);
    await waitUntil(async () => (await admission.untoldRefusals()).length === 0, { what: 'it was read' });
    expect((await alertsOf(organization)).map(({ level, used_usd }) => [level, used_usd])).toEqual([
      [100, '0'],
      [100, '0'],
    ]);
  });

  it.each(['daily:2026-11-20', null])(
    'G2: one call that asks for too much does not silence the warnings of what is used (%s)',
    async (cycle) => {
      const organization = randomUUID();
      const account = { id: `key:${organization}${cycle === null ? '' : `:${cycle}`}`, cap: 100 };
      refuse(organization, account, 100);
      await untilAlerts(organization, 1);
      await spend(organization, 82, account);
      await untilAlerts(organization, 2);
      refuse(organization, account, 18);
      await waitUntil(async () => (await admission.untoldRefusals()).length === 0, { what: 'it was read' });
      await spend(organization, 9, account);
      await untilAlerts(organization, 3);
      await spend(organization, 9, account);
      // Of another account, behind it in the same partition.
      await spend(organization, 90, { id: `organization:${organization}`, cap: 100 });
      await untilAlerts(organization, 4);
      expect((await alertsOf(organization, `?account=${account.id}`)).map(({ level }) => level)).toEqual([90, 80, 100]);
    },
  );

  it('G2: come once where two processes have read the same refusal', async () => {
    const organization = randomUUID();
    const database = new ServiceDatabase(opened.database.dataSource, 'billing');
    const untold = await (async () => {
      const other = new RecordingAdmission();
      const item = {
        organizationId: organization,
        accounts: [{ accountId: 'key:k', capNanoUsd: 9n }],
        amountNanoUsd: 10n,
      };
      other.refused(item as never, { kind: 'credit_exhausted', accountId: 'key:k', availableNanoUsd: 9n });
      return other.untoldRefusals();
    })();
    let forgotten = 0;
    const books = {
      untoldRefusals: () => Promise.resolve(untold),
      forgetTold: () => Promise.resolve(void (forgotten += 1)),
    };
    const relay = { wake: () => undefined } as never;
    const looks = [0, 1].map(() => new WatchRefusals(database, relay, books, logger));
    await Promise.all(looks.map((each) => each.look(new Date())));
    await looks[0]!.look(new Date());
    expect(forgotten).toBe(3);
    expect(await alertsOf(organization)).toMatchObject([{ level: 100, reason: 'refused', account: 'key:k' }]);
  });

  it('G2: keep a refusal for the next look if it cannot be written, and tell the others', async () => {
    const [broken, whole] = [randomUUID(), randomUUID()];
    const refusal = { accountId: `key:${whole}`, terms: '9', capNanoUsd: 9n, leftNanoUsd: 9n, refusedAtMs: 0 };
    const forgotten: string[] = [];
    const books = {
      untoldRefusals: () =>
        Promise.resolve([
          // No database takes an account of this name, nor a number of that size.
          { organizationId: broken, refusals: [{ ...refusal, accountId: 'key:\u0000', askedNanoUsd: 10n }], read: [] },
          { organizationId: whole, refusals: [{ ...refusal, askedNanoUsd: 10n ** 30n }], read: [] },
        ]),
      forgetTold: ({ organizationId }: { organizationId: string }) =>
        Promise.resolve(void forgotten.push(organizationId)),
    };
    const database = new ServiceDatabase(opened.database.dataSource, 'billing');
    const look = new WatchRefusals(database, { wake: () => undefined }, books, logger).look(new Date());
    expect([...(await look).keys()]).toEqual([broken]);
    expect(forgotten).toEqual([whole]);
    expect(await alertsOf(whole)).toMatchObject([{ level: 100, asked_usd: '9223372036.854775807' }]);
  });

  const grant = async (organization: string, amount: string, more: object = {}) => {
    const given = await call('POST', '/v1/credit-grants', organization, {
      organization_id: organization,
      amount_usd: amount,
      ...more,
    });
    expect(given.status).toBe(201);
    return given.body['id'] as string;
  };
  const spendGrant = async (organizationId: string, charge: number, grantId: string, cap: number) => {
    const event = usageEvent({
      organizationId,
      apiKeyId: organizationId,
      costNanoUsd: String(charge),
      chargeNanoUsd: String(charge),
      holdNanoUsd: String(charge),
      accounts: [{ accountId: `grant:${grantId}`, capNanoUsd: String(cap) }],
    });
    await bus.publisher.publish(USAGE_RECORDED_V1, [{ key: organizationId, value: JSON.stringify(event) }]);
  };

  it('G1: tell of the prepaid balance as a whole, not of each grant, and again after a top-up', async () => {
    const organization = randomUUID();
    const first = await grant(organization, '0.0000001');
    const second = await grant(organization, '0.0000003');
    // The first grant is used up, which is a quarter of the balance.
    await spendGrant(organization, 100, first, 100);
    expect(await alertsOf(organization)).toEqual([]);
    await spendGrant(organization, 220, second, 300);
    expect(await alertsOf(organization)).toMatchObject([
      {
        level: 80,
        account: `balance:${organization}`,
        account_kind: 'balance',
        used_usd: '0.00000032',
        limit_usd: '0.0000004',
      },
    ]);
    refuse(organization, 'prepaid', 80);
    await untilAlerts(organization, 2);
    expect(await alertsOf(organization, '?level=100')).toMatchObject([{ reason: 'refused', left_usd: '0.00000008' }]);
    // 80 are left, and 120 more are given: that is 100 % from now on.
    const third = await grant(organization, '0.00000012');
    await spendGrant(organization, 80, second, 300);
    expect(await alertsOf(organization)).toHaveLength(2);
    await spendGrant(organization, 100, third, 120);
    expect(await alertsOf(organization, '?level=90')).toMatchObject([
      { used_usd: '0.00000018', limit_usd: '0.0000002' },
    ]);
    await spendGrant(organization, 20, third, 120);
    expect((await alertsOf(organization)).map(({ level }) => level)).toEqual([100, 90, 100, 80]);
  });

  /** The relay of another process. */
  const idle = { wake: () => undefined, does: () => undefined };

  it('G1: tell of credit that expires, although nobody calls, and of each level once', async () => {
    const organization = randomUUID();
    const expiring = await grant(organization, '0.0000009', {
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const lasting = await grant(organization, '0.0000001');
    await spendGrant(organization, 100, expiring, 900);
    const database = new ServiceDatabase(opened.database.dataSource, 'billing');
    const watch = [new WatchLimits(database, idle, logger), new WatchLimits(database, idle, logger)];
    await watch[0]!.look(new Date());
    expect(await alertsOf(organization)).toEqual([]);
    const later = new Date(Date.now() + 3_700_000);
    await Promise.all(watch.map((each) => each.look(later)));
    await watch[0]!.look(later);
    expect(await alertsOf(organization)).toMatchObject([
      { level: 90, account: `balance:${organization}`, used_usd: '0.0000009', limit_usd: '0.000001' },
    ]);
    expect((await call('POST', `/v1/credit-grants/${lasting}/expire`, organization)).status).toBe(200);
    await watch[0]!.look(later);
    expect((await alertsOf(organization)).map(({ level }) => level).sort()).toEqual([100, 90]);
  });

  it.each(['never', 'monthly'] as const)(
    'G1: tell of a budget (%s) that was lowered, or whose raise has ended, without a call',
    async (reset) => {
      const [organization, group] = [randomUUID(), randomUUID()];
      const made = await call('POST', '/v1/budgets', organization, {
        group_id: group,
        amount_usd: '0.000001',
        reset,
        credit_limit_raise: { amount_usd: '0.000001', until: new Date(Date.now() + 3_600_000).toISOString() },
      });
      expect(made.status, JSON.stringify(made.body)).toBe(201);
      const account = budgetAccountId('group', group, cycleOf(reset, Date.now()));
      await spend(organization, 850, { id: account, cap: 2_000 });
      const watch = new WatchLimits(new ServiceDatabase(opened.database.dataSource, 'billing'), idle, logger);
      await watch.look(new Date());
      expect(await alertsOf(organization)).toEqual([]);
      await watch.look(new Date(Date.now() + 3_700_000));
      expect(await alertsOf(organization)).toMatchObject([
        { level: 80, account, account_kind: 'group', used_usd: '0.00000085', limit_usd: '0.000001' },
      ]);
      const change = async (amount: string) => {
        const path = `/v1/budgets/${made.body['id'] as string}`;
        const changed = await call('PATCH', path, organization, { amount_usd: amount, credit_limit_raise: null });
        expect(changed.status, JSON.stringify(changed.body)).toBe(200);
        await watch.look(new Date());
      };
      await change('0.0000009');
      expect((await alertsOf(organization)).map(({ level }) => level).sort()).toEqual([80, 90]);
      await change('0.000005');
      await change('0.0000009');
      // Without cycles the raise has armed what was told before.
      expect((await alertsOf(organization)).map(({ level }) => level).sort()).toEqual(
        reset === 'never' ? [80, 90, 90] : [80, 90],
      );
    },
  );

  /** key-management says what the limit of a key or of an organisation is now. */
  let limitVersion = 0;
  const tellLimit = async (organizationId: string, limit: Partial<LimitsChangedV1>): Promise<void> => {
    const event: LimitsChangedV1 = {
      eventVersion: 1,
      organizationId,
      apiKeyId: organizationId,
      version: (limitVersion += 1),
      capNanoUsd: '1000',
      reset: 'never',
      raise: null,
      changedAt: new Date().toISOString(),
      ...limit,
    };
    await bus.publisher.publish(LIMITS_CHANGED_V1, [{ key: organizationId, value: JSON.stringify(event) }]);
  };
  /** All that was told is looked at. */
  const untilLooked = async (organizationId: string) => {
    const due = () =>
      opened.database.dataSource.query<object[]>(
        'SELECT 1 FROM billing.watched_limit WHERE organization_id = $1 AND look_at <= noted_at',
        [organizationId],
      );
    await waitUntil(async () => (await due()).length === 0, { what: 'the limits to be looked at' });
  };
  const levelsOf = async (organizationId: string) => (await alertsOf(organizationId)).map(({ level }) => level).sort();
  const accountOf = (organizationId: string, reset: CreditReset) =>
    cycleAccountId(organizationId, cycleOf(reset, Date.now()));

  it.each(['never', 'daily', 'weekly', 'monthly'] as const)(
    'G1: tell at once of the limit of a key (%s) that was lowered, and once in a cycle',
    async (reset) => {
      const organization = randomUUID();
      const account = accountOf(organization, reset);
      await spend(organization, 850, { id: account, cap: 9_000 });
      await tellLimit(organization, { reset, capNanoUsd: '2000' });
      await untilLooked(organization);
      expect(await levelsOf(organization)).toEqual([]);
      await tellLimit(organization, { reset, capNanoUsd: '1000' });
      await untilMails(organization, 1);
      expect(await alertsOf(organization)).toMatchObject([
        {
          level: 80,
          reason: 'posted',
          account,
          api_key_id: organization,
          used_usd: '0.00000085',
          limit_usd: '0.000001',
        },
      ]);
      // Again, and by a call that comes later: nobody is told twice.
      await tellLimit(organization, { reset, capNanoUsd: '1000' });
      await untilLooked(organization);
      await spend(organization, 1, { id: account, cap: 1_000 });
      expect(await levelsOf(organization)).toEqual([80]);
      // 100 % is posted = cap.
      await tellLimit(organization, { reset, capNanoUsd: '851' });
      await untilMails(organization, 2);
      expect(await alertsOf(organization, '?level=100')).toMatchObject([
        { reason: 'posted', used_usd: '0.000000851', limit_usd: '0.000000851' },
      ]);
      await tellLimit(organization, { reset, capNanoUsd: '0' });
      await untilLooked(organization);
      expect(await levelsOf(organization)).toEqual([100, 80]);
    },
  );

  it('G1: tell at once of a limit that begins to reset in another way, or is the first, by what counts in its cycle', async () => {
    const organization = randomUUID();
    await spend(organization, 950, { id: accountOf(organization, 'never'), cap: 9_000 }, new Date());
    await tellLimit(organization, { reset: 'monthly', capNanoUsd: '1000' });
    await untilMails(organization, 1);
    // No call has made the account yet.
    expect(await alertsOf(organization)).toMatchObject([
      { level: 90, account: accountOf(organization, 'monthly'), used_usd: '0.00000095' },
    ]);
    await tellLimit(organization, { reset: 'daily', capNanoUsd: '9000' });
    await untilLooked(organization);
    await tellLimit(organization, { capNanoUsd: null });
    await untilLooked(organization);
    expect(await levelsOf(organization)).toEqual([90]);
    await tellLimit(organization, { capNanoUsd: '950' });
    await untilMails(organization, 2);
    expect(await levelsOf(organization)).toEqual([100, 90]);
  });

  it('G1: tell at once of the lowered limit of an organisation, which all of its keys have used', async () => {
    const organization = randomUUID();
    const id = `organization:${organization}`;
    await spend(organization, 920, { id, cap: 9_000 });
    await tellLimit(organization, { apiKeyId: null, capNanoUsd: '1000' });
    await untilMails(organization, 1);
    expect(await alertsOf(organization)).toMatchObject([{ level: 90, account: id, kind: 'credit_threshold' }]);
    // A raise arms it again, as it has no cycles.
    await tellLimit(organization, { apiKeyId: null, capNanoUsd: '9000' });
    await untilLooked(organization);
    await tellLimit(organization, { apiKeyId: null, capNanoUsd: '1000' });
    await untilMails(organization, 2);
    expect(await levelsOf(organization)).toEqual([90, 90]);
  });

  /** Repeats what is done under a raise, which lasts longer each time, until it is done before the raise has ended. */
  const beforeEndOfRaise = async <Done extends { readonly until: Date }>(
    doUnder: (lastsMs: number) => Promise<Done>,
  ): Promise<Done> => {
    for (let lastsMs = 3_000; ; lastsMs *= 2) {
      const done = await doUnder(lastsMs);
      if (Date.now() < done.until.getTime()) return done;
    }
  };

  it('G1: tell of a limit whose raise ends, when it does, and of what calls under way cost after a change', async () => {
    // Of these two at least one does not end in the next minutes.
    const endMs = (reset: CreditReset) => cycleOf(reset, Date.now()).endMs;
    const reset = endMs('monthly') > endMs('weekly') ? 'monthly' : 'weekly';
    const { organization, account, levels, until } = await beforeEndOfRaise(async (lastsMs) => {
      const organization = randomUUID();
      const account = accountOf(organization, reset);
      await spend(organization, 700, { id: account, cap: 9_000 });
      const until = new Date(Date.now() + lastsMs);
      const raise = { amountNanoUsd: '1000', until: until.toISOString() };
      await tellLimit(organization, { reset, raise });
      await untilLooked(organization);
      // It was held under the limit of before, which its event names.
      await spend(organization, 200, { id: account, cap: 9_000 });
      return { organization, account, until, levels: await levelsOf(organization) };
    });
    expect(levels).toEqual([]);
    await untilMails(organization, 1);
    expect(Date.now()).toBeGreaterThanOrEqual(until.getTime());
    expect(await alertsOf(organization)).toMatchObject([{ level: 90, used_usd: '0.0000009', limit_usd: '0.000001' }]);
    await spend(organization, 100, { id: account, cap: 9_000 });
    const watch = new WatchLimits(new ServiceDatabase(opened.database.dataSource, 'billing'), idle, logger);
    await watch.look(new Date(Date.now() + 120_000));
    expect(await levelsOf(organization)).toEqual([100, 90]);
    // After the longest call nothing is left to see.
    await watch.look(new Date(Date.now() + 8_000_000));
    const rows = await opened.database.dataSource.query<object[]>(
      'SELECT 1 FROM billing.watched_limit WHERE organization_id = $1',
      [organization],
    );
    expect(rows).toEqual([]);
  });

  it('G1: take the latest version of a limit, and pass over what is none', async () => {
    const organization = randomUUID();
    await spend(organization, 850, { id: accountOf(organization, 'never'), cap: 9_000 });
    const publish = (...values: string[]) =>
      bus.publisher.publish(
        LIMITS_CHANGED_V1,
        values.map((value) => ({ key: organization, value })),
      );
    const event = (version: number, fields: object) =>
      JSON.stringify({
        ...{ eventVersion: 1, organizationId: organization, apiKeyId: organization, version, capNanoUsd: '900' },
        ...{ reset: 'never', raise: null, changedAt: new Date().toISOString(), ...fields },
      });
    await publish(
      event(9, { capNanoUsd: '9000' }),
      event(8, {}),
      'not JSON',
      '{}',
      event(10, { capNanoUsd: '-1' }),
      event(10, { capNanoUsd: '1.5' }),
      event(10, { capNanoUsd: '9999999999999999999' }),
      event(10, { reset: 'hourly' }),
      event(10, { raise: { amountNanoUsd: '1', until: 'tomorrow' } }),
      event(10, { apiKeyId: '' }),
      event(10, { organizationId: 'a\u0000b' }),
      event(0, {}),
    );
    await publish(event(8, { capNanoUsd: '1' }));
    await untilLooked(organization);
    expect(await levelsOf(organization)).toEqual([]);
  });

  it('G1: tell at once of a lowered limit of pay-as-you-go, and of its raise that ends', async () => {
    const change = async (id: string, organization: string, body: object) => {
      const changed = await call('PATCH', `/v1/subscriptions/${id}`, organization, body);
      expect(changed.status, JSON.stringify(changed.body)).toBe(200);
      await untilLooked(organization);
    };
    const { id, organization, account, levels, until } = await beforeEndOfRaise(async (lastsMs) => {
      const organization = randomUUID();
      const plan = await call('POST', '/v1/plans', organization, {
        name: `plan ${organization}`,
        quota_usd: '0',
        price_usd: '0',
      });
      expect(plan.status, JSON.stringify(plan.body)).toBe(201);
      const made = await call('POST', '/v1/subscriptions', organization, {
        plan: plan.body['id'],
        organization_id: organization,
        payg: { enabled: true, limit_usd: '0.000005' },
      });
      expect(made.status, JSON.stringify(made.body)).toBe(201);
      const id = made.body['id'] as string;
      const { starts_at: startsAt, ends_at: endsAt } = made.body['current_period'] as Record<string, string>;
      const period = { startMs: Date.parse(startsAt!), endMs: Date.parse(endsAt!) };
      const account = paygAccountId(id, period);
      await spend(organization, 850, { id: account, cap: 5_000 }, new Date());
      const until = new Date(Date.now() + lastsMs);
      const raise = { amount_usd: '0.000004', until: until.toISOString() };
      await change(id, organization, { payg: { limit_usd: '0.000001' }, credit_limit_raise: raise });
      return { id, organization, account, until, levels: await levelsOf(organization) };
    });
    expect(levels).toEqual([]);
    await untilMails(organization, 1);
    expect(Date.now()).toBeGreaterThanOrEqual(until.getTime());
    expect(await alertsOf(organization)).toMatchObject([
      { level: 80, account, account_kind: 'payg', used_usd: '0.00000085', limit_usd: '0.000001' },
    ]);
    await change(id, organization, { payg: { limit_usd: '0.00000085' } });
    expect(await levelsOf(organization)).toEqual([100, 80]);
    await change(id, organization, { payg: { enabled: false } });
    expect(await levelsOf(organization)).toEqual([100, 80]);
  });

  it('G1: come again for an account without cycles once a raise has brought it below', async () => {
    const organization = randomUUID();
    const id = `organization:${organization}`;
    await spend(organization, 85, { id, cap: 100 });
    await spend(organization, 1, { id, cap: 200 });
    await spend(organization, 74, { id, cap: 200 });
    expect((await alertsOf(organization)).map(({ level, used_usd }) => [level, used_usd])).toEqual([
      [80, '0.00000016'],
      [80, '0.000000085'],
    ]);
    await untilMails(organization, 2);
  });

  it('are of the levels that the organisation has chosen', async () => {
    const organization = randomUUID();
    const id = `key:${organization}:daily:2026-11-20`;
    expect((await call('GET', '/v1/alerts/settings', organization)).body).toEqual({
      object: 'alert_settings',
      levels: [80, 90, 100],
      emails: [],
      unusual_spend: { enabled: true, floor_usd: '1' },
    });
    const set = await call('PATCH', '/v1/alerts/settings', organization, {
      levels: [90, 50, 50],
      unusual_spend: { floor_usd: 2.5 },
    });
    expect(set.body).toMatchObject({ levels: [50, 90], unusual_spend: { enabled: true, floor_usd: '2.5' } });
    await spend(organization, 50, { id, cap: 100 });
    await spend(organization, 35, { id, cap: 100 });
    await spend(organization, 10, { id, cap: 100 });
    expect((await alertsOf(organization)).map(({ level }) => level)).toEqual([90, 50]);
  });

  it.each([
    [{ levels: [60] }, 'levels'],
    [{ levels: '80' }, 'levels'],
    [{ emails: ['nobody'] }, 'emails'],
    [{ emails: Array.from({ length: 21 }, (_, n) => `a${n}@example.com`) }, 'emails'],
    [{ unusual_spend: { floor_usd: '-1' } }, 'floor_usd'],
    [{ unusual_spend: { floor_usd: '1e3' } }, 'floor_usd'],
    [{ unusual_spend: { floor_usd: '9000000.01' } }, 'floor_usd'],
    [{ unknown: true }, 'unknown'],
  ])('refuse the settings %j, and name the field', async (settings, field) => {
    const { status, body } = await call('PATCH', '/v1/alerts/settings', randomUUID(), settings);
    expect(status).toBe(400);
    expect(JSON.stringify(body['errors'])).toContain(field);
  });

  it('arrive once the mail server and key-management are there again (fault 24)', async () => {
    const organization = randomUUID();
    keyManagementIsAway = true;
    refusedMails = 2;
    await spend(organization, 90, { id: `key:${organization}:daily:2026-11-20`, cap: 100 });
    await waitUntil(async () => (await alertsOf(organization)).length === 1, { what: 'the alert is there' });
    keyManagementIsAway = false;
    await untilMails(organization, 1);
    expect(refusedMails).toBe(0);
    expect(mailsOf(organization).length).toBe(1);
  });

  it('tell of a key that spends far more than in its last weeks, once a day', async () => {
    const database = new ServiceDatabase(opened.database.dataSource, 'billing');
    const [organization, key, young, small] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const days = (apiKeyId: string, ...usd: [daysAgo: number, usd: number][]) =>
      usd.map(
        ([ago, spent]) =>
          `('${apiKeyId}', '2026-11-29'::date - ${ago}, '${organization}', 1, ${BigInt(Math.round(spent * 1e9))})`,
      );
    await opened.database.dataSource.query(`SELECT set_config('tollgate.as_owner', 'on', false)`);
    await opened.database.dataSource.query(
      `INSERT INTO billing.key_usage_day (api_key_id, day, organization_id, requests, charge_nano_usd) VALUES ${[
        // One bad day of before hides nothing.
        ...days(key, [20, 3], [10, 2], [3, 90], [0, 10]),
        ...days(young, [2, 1], [0, 50]),
        ...days(small, [20, 0.01], [0, 0.9]),
      ].join()}`,
    );
    const now = new Date('2026-11-29T12:00:00Z');
    const looks = [new WatchSpending(database, logger), new WatchSpending(database, logger)];
    const found = await Promise.all(looks.map((each) => each.look(now)));
    expect(found.flat()).toMatchObject([
      { kind: 'unusual_spend', apiKeyId: key, usedNanoUsd: 10_000_000_000n, limitNanoUsd: 3_000_000_000n },
    ]);
    expect(await looks[0]!.look(now)).toEqual([]);
    expect(await alertsOf(organization, '?kind=unusual_spend')).toMatchObject([
      { kind: 'unusual_spend', level: null, api_key_id: key, day: '2026-11-29', used_usd: '10', limit_usd: '3' },
    ]);
    await untilMails(organization, 1);
    expect(mailsOf(organization).map(({ subject }) => subject)).toEqual([
      'API key “support bot” spends more than usual',
    ]);
  });
});
