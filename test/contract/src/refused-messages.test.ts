import { randomUUID } from 'node:crypto';
import type { BusBatch } from '@tollgate/bus';
import { CALLS_REFUSED_V1, NOTICES_V1 } from '@tollgate/contracts';
import { createLogger } from '@tollgate/telemetry';
import { DeliverNoticesController, resumeOffsets, StoreRefusedCalls } from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { billing, databaseShapes, type OpenedDatabase } from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const MINUTE = '2026-11-20T10:00:00.000Z';
/** Four bytes each: two ids of this length and a code are more than a row of an index takes. */
const LONG = '\u{1f600}'.repeat(100);
let partition = 0;

/** Events of usage are put into quarantine; what nothing is owed by is passed over. */
describe.each(databaseShapes)('a message that the database refuses, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.close();
  });

  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);

  function batchOf(topic: string, messages: readonly object[]): BusBatch {
    partition += 1;
    return {
      topic,
      partition,
      messages: messages.map((message, at) => ({
        offset: BigInt(at),
        part: 0,
        key: 'k',
        value: JSON.stringify(message),
      })),
    };
  }
  const nextOffset = async ({ topic, partition: of }: BusBatch) =>
    (await resumeOffsets(billing(opened.database))(topic, [of])).get(of);

  it('of calls.refused.v1 costs no other sum, and the partition goes on', async () => {
    const organizationId = randomUUID();
    const message = {
      eventVersion: 1,
      organizationId,
      instanceId: 'gateway-1',
      minute: MINUTE,
      refusals: [{ apiKeyId: 'k', code: 'quota_exceeded', calls: 3 }],
    };
    const huge = { apiKeyId: 'k', code: 'quota_exceeded', calls: Number.MAX_SAFE_INTEGER };
    const bad = [
      { ...message, minute: '0000-01-01T00:00:00.000Z' },
      { ...message, minute: '0001-01-01T00:00:00.000Z' },
      { ...message, minute: new Date(Date.now() + 3_600_000).toISOString() },
      ...Array.from({ length: 1_025 }, (_, n) => ({ ...message, instanceId: `gateway-x${n}`, refusals: [huge] })),
      {
        ...message,
        organizationId: LONG,
        instanceId: [...LONG].reverse().join('') + randomUUID(),
        refusals: [{ apiKeyId: LONG, code: 'quota_exceeded', calls: 1 }],
      },
    ];
    const other = { ...message, refusals: [{ apiKeyId: 'other', code: 'model_not_found', calls: 2 }] };
    const batch = batchOf(CALLS_REFUSED_V1, [message, ...bad, other]);
    for (let time = 0; time < 2; time += 1) await new StoreRefusedCalls(billing(opened.database), logger).store(batch);
    expect(await nextOffset(batch)).toBe(BigInt(batch.messages.length));
    for (const table of ['minute', 'quarter', 'day'])
      expect(
        await query(
          `SELECT api_key_id, sum(calls)::int AS calls FROM billing.refused_${table} WHERE organization_id = $1 GROUP BY 1 ORDER BY 1`,
          [organizationId],
        ),
      ).toEqual([
        { api_key_id: 'k', calls: 3 },
        { api_key_id: 'other', calls: 2 },
      ]);
  });

  it('of notices.v1 costs no other notice, and the partition goes on', async () => {
    const organizationId = randomUUID();
    await billing(opened.database).inOrganization(organizationId, (manager) =>
      manager.query(
        `INSERT INTO billing.webhook (organization_id, id, url, events, secret, created_at, version)
         VALUES ($1, gen_random_uuid(), 'https://hooks.invalid/x', '{api_key.leaked}', 'sealed', now(), 1)`,
        [organizationId],
      ),
    );
    const notice = {
      eventVersion: 1,
      organizationId,
      type: 'api_key.leaked',
      occurredAt: MINUTE,
      data: { name: 'good' },
    };
    const messages = [
      notice,
      { ...notice, occurredAt: '0000-01-01T00:00:00.000Z' },
      { ...notice, data: { name: 'a\u0000b' } },
      { ...notice, data: { name: '\ud800' } },
      notice,
    ].map((each) => ({ ...each, noticeId: randomUUID() }));
    const batch = batchOf(NOTICES_V1, messages);
    const controller = new DeliverNoticesController(
      billing(opened.database),
      { wake: () => undefined } as never,
      logger,
    );
    for (let time = 0; time < 2; time += 1) await controller.onNotices(batch);
    expect(await nextOffset(batch)).toBe(5n);
    const bodies = await query<{ body: string }>(
      'SELECT body FROM billing.webhook_delivery WHERE organization_id = $1',
      [organizationId],
    );
    expect(bodies.filter(({ body }) => body.includes('good'))).not.toHaveLength(0);
    expect(bodies.map(({ body }) => (JSON.parse(body) as { data: { name: string } }).data.name)).toEqual(
      expect.arrayContaining(['good', 'good']),
    );
  });
});
