import { randomUUID } from 'node:crypto';
import { readDocument } from '@tollgate/openapi';
import { expect, it } from 'vitest';
import { realRequest, USAGE_OPERATIONS, type RealRequest, type UsageOperationsStage } from './usage-operations.js';

/** The operations whose document says that they take the header: new ones come into these tests by themselves. */
const TAKING = new Set(
  Object.values(readDocument('usage-billing').paths).flatMap((item) =>
    Object.values(item).flatMap(({ operationId, parameters }) =>
      (parameters as { name: string }[] | undefined)?.some(({ name }) => name === 'idempotency-key')
        ? [operationId]
        : [],
    ),
  ),
);
const REPEATABLE = USAGE_OPERATIONS.filter(({ operation }) => TAKING.has(operation));

const OF_THE_BACKGROUND = new Set([
  'outbox',
  'account_check',
  'reconciliation',
  'reconciliation_difference',
  'usage_check',
  'usage_difference',
  'usage_name',
]);

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly etag: string | null;
  readonly replayed: string | null;
  readonly code: unknown;
}

/** What holds of each request of usage-billing that names itself by `Idempotency-Key`. */
export function repeatedRequests(stage: UsageOperationsStage): void {
  const query = <Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    stage.database().dataSource.query<Row[]>(sql, parameters);
  const send = async (
    { method, path, body }: RealRequest,
    organizationId: string,
    key: string | null,
    secret = stage.adminSecret,
  ): Promise<Answer> => {
    const reply = await fetch(`${stage.url()}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        'x-organization-id': organizationId,
        ...(body && { 'content-type': 'application/json' }),
        ...(key !== null && { 'idempotency-key': key }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return {
      status: reply.status,
      text,
      etag: reply.headers.get('etag'),
      replayed: reply.headers.get('idempotency-replayed'),
      code: (JSON.parse(text) as { code?: unknown }).code,
    };
  };
  const tables = async (): Promise<string[]> =>
    (await query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'billing'`)).map(
      ({ name }) => name,
    );
  /** How many rows each table has, without those that work in the background changes whenever it likes. */
  const rowCounts = async (): Promise<Record<string, string>> => {
    const counts: Record<string, string> = {};
    for (const table of await tables()) {
      if (OF_THE_BACKGROUND.has(table)) continue;
      const [row] = await query<{ n: string }>(`SELECT count(*) AS n FROM billing."${table}"`);
      counts[table] = row!.n;
    }
    return counts;
  };
  const each = REPEATABLE.map((operation) => [operation.operation, operation] as const);
  const prepared = async (operation: (typeof REPEATABLE)[number]) => {
    const organizationId = randomUUID();
    return { organizationId, key: randomUUID(), request: await realRequest(stage, operation, organizationId) };
  };
  const operationOf = (id: string) => REPEATABLE.find(({ operation }) => operation === id)!;

  it('is any that makes something', () => {
    expect(REPEATABLE.map(({ operation }) => operation).sort()).toEqual([
      'createBudget',
      'createCreditGrant',
      'createPlan',
      'createSubscription',
      'createWebhook',
      'replaceSubscriptionKey',
      'rotateWebhook',
    ]);
  });

  it.each(each)('has one effect, and each repetition the first answer: %s', async (_, operation) => {
    const { organizationId, key, request } = await prepared(operation);
    const first = await send(request, organizationId, key);
    expect(first, first.text).toMatchObject({ status: operation.status, replayed: null });
    const before = await rowCounts();
    for (let n = 0; n < 3; n++)
      expect(await send(request, organizationId, key)).toEqual({ ...first, replayed: 'true' });
    expect(await rowCounts()).toEqual(before);
  });

  it.each(each)('has one effect when several come at once: %s', async (_, operation) => {
    const { organizationId, key, request } = await prepared(operation);
    const answers = await Promise.all(Array.from({ length: 6 }, () => send(request, organizationId, key)));
    const done = answers.filter(({ status }) => status === operation.status);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    expect(done.filter(({ replayed }) => replayed === null)).toHaveLength(1);
    // A subscription asks key-management for its key meanwhile: nobody waits for that with a transaction open.
    for (const { status, code } of answers)
      if (status !== operation.status) expect([status, code]).toEqual([409, 'idempotency_conflict']);
    expect((await send(request, organizationId, key)).text).toBe(done[0]!.text);
  });

  it.each(each)('is refused with another body, and has its answer all the same: %s', async (_, operation) => {
    const { organizationId, key, request } = await prepared(operation);
    const first = await send(request, organizationId, key);
    const before = await rowCounts();
    const other = { ...request, body: { ...request.body, ...changed(request) } };
    expect(await send(other, organizationId, key)).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    expect(await rowCounts()).toEqual(before);
    expect((await send(request, organizationId, key)).text).toBe(first.text);
  });

  it.each(each)('is no repetition in another organisation, nor for who may not ask: %s', async (_, operation) => {
    const { organizationId, key, request } = await prepared(operation);
    const first = await send(request, organizationId, key);
    const elsewhere = await send(request, randomUUID(), key);
    expect(elsewhere.replayed).toBeNull();
    // A grant says itself whose it is, so that this is the same one: nobody gives it twice under one name.
    if (operation.operation === 'createCreditGrant') expect(elsewhere.text).toBe(first.text);
    else expect(elsewhere.text).not.toBe(first.text);
    expect(await send(request, organizationId, key, 'wrong')).toMatchObject({ status: 401, replayed: null });
  });

  it.each(each)('may come again after its effect failed half-way, and has it once: %s', async (_, operation) => {
    const { organizationId, key, request } = await prepared(operation);
    await query(
      `CREATE FUNCTION public.failing_of_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$`,
    );
    await query(
      'CREATE TRIGGER failing BEFORE INSERT ON billing.outbox FOR EACH ROW EXECUTE FUNCTION public.failing_of_test()',
    );
    try {
      expect(await send(request, organizationId, key)).toMatchObject({ status: 500 });
    } finally {
      await query('DROP TRIGGER failing ON billing.outbox');
      await query('DROP FUNCTION public.failing_of_test()');
    }
    // What had been begun counts as broken off after ten seconds.
    await query(
      `UPDATE billing.subscription SET created_at = created_at - interval '11 seconds' WHERE made_at IS NULL`,
    );
    await query(`UPDATE billing.subscription SET next_api_key_until = now() WHERE next_api_key_until IS NOT NULL`);
    const first = await send(request, organizationId, key);
    expect(first, first.text).toMatchObject({ status: operation.status, replayed: null });
    expect(await send(request, organizationId, key)).toEqual({ ...first, replayed: 'true' });
    if (operation.operation !== 'createSubscription') return;
    const made = await query('SELECT 1 FROM billing.subscription WHERE organization_id = $1', [organizationId]);
    expect(made).toHaveLength(1);
  });

  it.each(each)('leaves no secret of its answer in the database: %s', async (_, operation) => {
    const { organizationId, key, request } = await prepared(operation);
    const { text } = await send(request, organizationId, key);
    const secrets = text.match(/whsec_[\w+/=]+|sk-sub-shown-once/g) ?? [];
    for (const table of await tables()) {
      const rows = JSON.stringify(await query(`SELECT t::text FROM billing."${table}" AS t`));
      for (const secret of secrets) expect(rows).not.toContain(secret);
    }
    expect(secrets.length > 0).toBe(/Webhook|Subscription/.test(operation.operation));
  });

  it.each(['', ' ', 'a b', 'ä', 'a\tb', 'x'.repeat(256), 'a, b'])('is refused if it is called %j', async (key) => {
    for (const operation of REPEATABLE) {
      const { organizationId, request } = await prepared(operation);
      const before = await rowCounts();
      const refused = await send(request, organizationId, key);
      expect(refused, operation.operation).toMatchObject({ status: 400, code: 'invalid_request' });
      expect(JSON.parse(refused.text)).toMatchObject({ errors: [{ path: 'idempotency-key' }] });
      expect(await rowCounts()).toEqual(before);
    }
  });

  it('may come again with a right body after it was refused', async () => {
    const { organizationId, key, request } = await prepared(operationOf('createBudget'));
    const wrong = { ...request, body: { ...request.body, amount_usd: '-1' } };
    expect(await send(wrong, organizationId, key)).toMatchObject({ status: 400, replayed: null });
    expect(await send(request, organizationId, key)).toMatchObject({ status: 201, replayed: null });
  });

  it('gets its answer whatever became of what it made', async () => {
    const budget = await prepared(operationOf('createBudget'));
    const first = await send(budget.request, budget.organizationId, budget.key);
    const { id } = JSON.parse(first.text) as { id: string };
    const deleted = { method: 'DELETE', path: `/v1/budgets/${id}` };
    expect(await send(deleted, budget.organizationId, null)).toMatchObject({ status: 200 });
    expect(await send(budget.request, budget.organizationId, budget.key)).toEqual({ ...first, replayed: 'true' });
    const grant = await prepared(operationOf('createCreditGrant'));
    const soon = new Date(Date.now() + 5_000).toISOString();
    const expiring = { ...grant.request, body: { ...grant.request.body, expires_at: soon } };
    const given = await send(expiring, grant.organizationId, grant.key);
    expect(given, given.text).toMatchObject({ status: 201 });
    while (Date.now() <= Date.parse(soon)) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await send(expiring, grant.organizationId, grant.key)).toEqual({ ...given, replayed: 'true' });
    expect(await send(expiring, grant.organizationId, null)).toMatchObject({ status: 400 });
  });

  it('is a new one after 24 hours', async () => {
    const { organizationId, key, request } = await prepared(operationOf('createWebhook'));
    const first = await send(request, organizationId, key);
    const age = (interval: string) =>
      query(`UPDATE billing.idempotency_record SET created_at = now() - interval '${interval}'`);
    await age('23 hours 59 minutes');
    expect(await send(request, organizationId, key)).toEqual({ ...first, replayed: 'true' });
    await age('24 hours');
    const second = await send(request, organizationId, key);
    expect(second).toMatchObject({ status: 201, replayed: null });
    expect(second.text).not.toBe(first.text);
    expect((await send(request, organizationId, key)).text).toBe(second.text);
  });

  it('gives no credit again that a process of the release before has given under its name, nor the other way', async () => {
    const { organizationId, key, request } = await prepared(operationOf('createCreditGrant'));
    const first = await send(request, organizationId, key);
    // That release has no such record, and finds the name with the grant.
    await query('DELETE FROM billing.idempotency_record');
    const [named] = await query<{ n: string }>(
      'SELECT count(*) AS n FROM billing.grant WHERE organization_id = $1 AND request_scope IS NOT NULL',
      [organizationId],
    );
    expect(named!.n).toBe('1');
    expect((await send(request, organizationId, key)).text).toBe(first.text);
    const other = { ...request, body: { ...request.body, amount_usd: '11' } };
    await query('DELETE FROM billing.idempotency_record');
    expect(await send(other, organizationId, key)).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    expect(await query('SELECT 1 FROM billing.grant WHERE organization_id = $1', [organizationId])).toHaveLength(1);
  });
}

/** Another value for one field of a request. */
function changed({ body }: RealRequest): object {
  if (body === undefined) return {};
  if ('amount_usd' in body) return { amount_usd: '12.5' };
  if ('events' in body) return { description: 'another' };
  if ('grace_period_seconds' in body) return { grace_period_seconds: 61 };
  return 'plan' in body ? { payg: { enabled: false } } : { price_usd: '16' };
}
