import { createMetricsRegistry } from '@tollgate/telemetry';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { KeyUseStore } from '@tollgate/key-management';
import { BillingMeter, LoadAccount, UsedKeys } from '@tollgate/usage-billing';
import { RecordingAdmission } from './billing-fixture.js';

/** Many days of a key, so that the statements about cycles are planned as in production. */
export const LEDGER_SEEDS = [
  `INSERT INTO billing.key_usage_day (api_key_id, day, organization_id, requests, charge_nano_usd)
   SELECT 'key ' || n / 100, '2026-01-01'::date + n % 100, 'default', 1, 1 FROM generate_series(1, 5000) AS n`,
  `INSERT INTO keys.api_key_use
   SELECT 'default', id, 1, 1, 1, 1, 1, '2026-01-01', 0, 0, 0, now(), NULL FROM keys.api_key WHERE organization_id = 'default'`,
];

/** Calls every method about periods of accounts and the use of keys. The organisation has the keys `key 1` and on. */
export async function useLedger({ dataSource }: Database, organizationId: string): Promise<void> {
  const service = new ServiceDatabase(dataSource, 'billing');
  const meter = new BillingMeter(createMetricsRegistry('contract', { processMetrics: false }));
  const load = new LoadAccount(service, new RecordingAdmission(), { drained: () => Promise.resolve() }, meter);
  const request = { organizationId, apiKeyId: 'key 3', generation: 2 };
  await load.load({ ...request, accountId: 'key:key 3', reset: 'never', startMs: null });
  const startMs = Date.UTC(2026, 0, 1);
  await load.load({ ...request, accountId: 'key:key 3:monthly:2026-01-01', reset: 'monthly', startMs });

  const whole = { organizationId, accountId: `organization:${organizationId}`, apiKeyId: null, generation: 2 };
  await load.load({ ...whole, reset: 'never', startMs: null });

  const used = new UsedKeys(service);
  await used.waiting(10);
  const changed = await used.changed(null, 10, new Date());
  await used.told(changed.map(({ key }) => key));

  const use = new KeyUseStore(new ServiceDatabase(dataSource, 'keys'));
  const [key] = await dataSource.query<{ id: string }[]>(
    `SELECT id FROM keys.api_key WHERE organization_id = 'default' LIMIT 1`,
  );
  const { key: sums } = changed[0]!;
  const secrets = [{ ...sums, secretId: key!.id, addresses: [{ address: '::1', lastUsedAt: sums.lastUsedAt }] }];
  await use.store([{ ...sums, organizationId: 'default', apiKeyId: key!.id, secrets }]);
  await use.of('default', [key!.id], new Date());
  await use.ofSecrets('default', key!.id);
}
