import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { BillingMeter, BookUsage, EndOrganizations, OrganizationEndStore, SettleHolds } from '@tollgate/usage-billing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  billing,
  databaseShapes,
  RecordingAdmission,
  screening,
  usageBatch,
  usageEvent,
  type OpenedDatabase,
} from './billing-fixture.js';

const logger = createLogger({ service: 'contract', level: 'silent' });
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOBODY = { organization: false, organizationName: null, apiKeys: [], groups: [], projects: [], members: [] };

describe.each(databaseShapes)('an organisation that was deleted, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    await opened?.close();
  });
  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    opened.database.dataSource.query(sql, parameters);

  it('is exported, loses what is personal, and keeps its sums and charges', async () => {
    const database = billing(opened.database);
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const admission = new RecordingAdmission();
    const book = new BookUsage(
      database,
      admission,
      new SettleHolds(admission, logger),
      screening(database),
      logger,
      meter,
    );
    const [organizationId, other] = [randomUUID(), randomUUID()];
    const now = new Date();
    await book.book(
      usageBatch([
        usageEvent({ organizationId }),
        usageEvent({ organizationId, journalNumber: 2 }),
        usageEvent({ organizationId: other }),
      ]),
    );
    const sums = () =>
      query('SELECT requests, charge_nano_usd FROM billing.key_usage WHERE organization_id = $1', [organizationId]);
    const addresses = (id: string) =>
      query<{ client_address: string }>('SELECT client_address FROM billing.usage_event WHERE organization_id = $1', [
        id,
      ]);
    const before = await sums();
    const store = new OrganizationEndStore(database);
    const ends = new EndOrganizations(store, { rest: () => Promise.resolve() }, logger, {
      knownOwners: async () => ({ ...NOBODY, organizationName: 'Acme' }),
    });
    await store.request(organizationId, null);
    await store.request(organizationId, now);

    // Calls that were under way at the deletion may still be booked.
    await ends.run(now);
    expect(await store.content(organizationId)).toBeNull();
    expect(await addresses(organizationId)).toContainEqual({ client_address: '192.0.2.1' });

    const later = new Date(Date.now() + HOUR_MS + 1_000);
    await Promise.all([ends.run(later), ends.run(later)]);
    const lines = gunzipSync((await store.content(organizationId))!)
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { table?: string; row?: Record<string, unknown> });
    expect(lines[0]).toMatchObject({
      object: 'organization_export',
      organization_id: organizationId,
      organization_name: 'Acme',
    });
    const used = lines.find(({ table }) => table === 'key_usage')?.row;
    expect(used).toMatchObject({ requests: 2, last_used_from: '192.0.2.1' });
    expect(lines.some(({ table, row }) => table === 'usage_day' && row?.['charge_nano_usd'] === 20)).toBe(true);
    expect(lines.some(({ row }) => row?.['organization_id'] === other)).toBe(false);

    expect(await addresses(organizationId)).toEqual([{ client_address: '' }, { client_address: '' }]);
    expect(await addresses(other)).toEqual([{ client_address: '192.0.2.1' }]);
    const erased = 'SELECT last_used_from, addresses FROM billing.secret_usage WHERE organization_id = $1';
    expect(await query(erased, [organizationId])).toEqual([{ last_used_from: '', addresses: [] }]);
    expect(await sums()).toEqual(before);
    expect((await store.list(10, null)).find((end) => end.organizationId === organizationId)).toMatchObject({
      kept: true,
    });

    // A call that was booked only now, before the last one by its time.
    const late = usageEvent({ organizationId, journalNumber: 3, clientAddress: '203.0.113.77' });
    await book.book(usageBatch([{ ...late, startedAt: new Date(now.getTime() - DAY_MS).toISOString() }]));
    expect(await addresses(organizationId)).toContainEqual({ client_address: '203.0.113.77' });
    await ends.run(later);
    expect(await addresses(organizationId)).toEqual(Array(3).fill({ client_address: '' }));

    await ends.run(new Date(later.getTime() + 31 * DAY_MS));
    expect(await store.content(organizationId)).toBeNull();
  });

  it('loses the addresses of its callers also in quarantine, whenever an event comes there', async () => {
    const service = billing(opened.database);
    const [organizationId, other] = [randomUUID(), randomUUID()];
    const store = new OrganizationEndStore(service);
    const ends = new EndOrganizations(store, { rest: () => Promise.resolve() }, logger);
    let offset = 0;
    const quarantined = (organization: string, text: string) =>
      query(
        `INSERT INTO billing.quarantine (topic, partition, log_offset, value, reason, said_organization_id)
         VALUES ('usage.recorded.v2', 9, $1, $2, 'for the test', $3)`,
        [++offset, Buffer.from(text), organization],
      );
    const texts = async (organization: string) =>
      (
        await query<{ value: Uint8Array }>(
          'SELECT value FROM billing.quarantine WHERE said_organization_id = $1 ORDER BY id',
          [organization],
        )
      ).map(({ value }) => Buffer.from(value).toString());
    await store.request(organizationId, null);
    await quarantined(organizationId, '{"a":"\\ é\u0000","clientAddress" : "203.0.113.77","b":1}');
    await quarantined(other, '{"clientAddress":"203.0.113.77"}');
    const later = new Date(Date.now() + HOUR_MS + 1_000);
    await ends.run(later);
    await quarantined(organizationId, '{"c":2,"clientAddress":"203.0.1');
    await query('UPDATE billing.organization_end SET erased_at = now() WHERE organization_id = $1', [organizationId]);
    await ends.run(later);
    expect(await texts(organizationId)).toEqual([
      '{"a":"\\ é\u0000","clientAddress":"","b":1}',
      '{"c":2,"clientAddress":""',
    ]);
    expect(await texts(other)).toEqual(['{"clientAddress":"203.0.113.77"}']);
  });

  it('does not open the ledger to other changes', async () => {
    await expect(query("UPDATE billing.usage_event SET client_address = 'x'")).rejects.toThrow('append-only');
    const changed = database().acrossOrganizations(async (manager) => {
      await manager.query("SELECT set_config('tollgate.erases_addresses', 'on', true)");
      await manager.query("UPDATE billing.usage_event SET client_address = 'x'");
    });
    await expect(changed).rejects.toThrow(/permission denied/);
  });
  const database = () => billing(opened.database);
});
