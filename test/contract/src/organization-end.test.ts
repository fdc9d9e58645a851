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
    const ends = new EndOrganizations(store, { rest: () => Promise.resolve() }, logger);
    await store.request(organizationId);
    await store.request(organizationId);

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
    expect(lines[0]).toMatchObject({ object: 'organization_export', organization_id: organizationId });
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

    await ends.run(new Date(later.getTime() + 31 * DAY_MS));
    expect(await store.content(organizationId)).toBeNull();
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
