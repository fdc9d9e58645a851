import { createLogger, createMetricsRegistry } from '@tollgate/telemetry';
import { BillingMeter, BookUsage, rebuild, SettleHolds } from '@tollgate/usage-billing';
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

describe.each(databaseShapes)('balances that are computed from transfers, $shape', ({ open }) => {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await open();
    const admission = new RecordingAdmission();
    const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
    const settles = new SettleHolds(admission, logger);
    await new BookUsage(database(), admission, settles, screening(database()), logger, meter).book(
      usageBatch([usageEvent({ organizationId: 'one' }), usageEvent({ organizationId: 'other' })]),
    );
  });
  afterAll(() => opened?.close());
  const database = () => billing(opened.database);
  const query = (sql: string) => opened.database.dataSource.query<object[]>(sql);

  it('are those that the ledger has', async () => {
    expect(await rebuild(database())).toEqual({ accounts: 2, wrong: [] });
  });

  it('show what was changed by hand, change nothing unless told to, and keep what they corrected', async () => {
    await query(`UPDATE billing.account SET posted_nano_usd = 3 WHERE organization_id = 'one'`);
    const wrong = [{ accountId: 'account of one', organizationId: 'one', postedNanoUsd: 3n, transfersNanoUsd: 10n }];
    for (let time = 0; time < 2; time++) expect(await rebuild(database())).toEqual({ accounts: 2, wrong });
    const told: string[] = [];
    const correct = async (organizationId: string) => void told.push(organizationId);
    expect(await rebuild(database(), correct)).toEqual({ accounts: 2, wrong });
    expect(told).toEqual(['one']);
    expect(await rebuild(database(), correct)).toEqual({ accounts: 2, wrong: [] });
    expect(await query('SELECT account_id, before_nano_usd, after_nano_usd FROM billing.balance_correction')).toEqual([
      { account_id: 'account of one', before_nano_usd: '3', after_nano_usd: '10' },
    ]);
    await expect(query('DELETE FROM billing.balance_correction')).rejects.toThrow('append-only');
  });

  it('are corrected only if admission can be told', async () => {
    await query(`UPDATE billing.account SET posted_nano_usd = 4 WHERE organization_id = 'other'`);
    await expect(rebuild(database(), () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect((await rebuild(database())).wrong).toMatchObject([{ postedNanoUsd: 4n }]);
  });
});
