import { randomUUID } from 'node:crypto';
import { storedPriceOverrides } from '@tollgate/config';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { createLogger } from '@tollgate/telemetry';
import {
  AuditRecords,
  BillingRelay,
  OrganizationPrices,
  OrganizationTerms,
  PriceList,
  PriceVersions,
} from '@tollgate/usage-billing';

/** An organisation with prices of its own, among many others. */
const PRICED = randomUUID();

/** Many versions, as after years of changes. */
export const PRICE_SEEDS = [
  `INSERT INTO billing.price_version (version, prices) SELECT substr(md5(n::text), 1, 12), '[]' FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.organization_price_version (organization_id, version, prices)
   SELECT CASE WHEN n <= 100 THEN '${PRICED}' ELSE 'other ' || n / 10 END, substr(md5(n::text), 1, 12), '[]' FROM generate_series(1, 5000) AS n`,
];

/** Calls every method of price versions that queries the database. */
export async function usePrices({ dataSource }: Database): Promise<void> {
  const config = { routes: [], prices: [], providers: [], defaultPrice: null, priceVersion: 'fedcba987654' };
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const versions = new PriceVersions(new ServiceDatabase(dataSource, 'billing'), new PriceList(config), config, logger);
  await versions.store();
  await versions.store();
  const billing = new ServiceDatabase(dataSource, 'billing');
  const relay = new BillingRelay(billing, { publish: () => Promise.resolve() }, logger);
  const terms = new OrganizationTerms(relay);
  const nobody = { principal: null, address: null, requestId: null };
  const own = new OrganizationPrices(billing, terms, new AuditRecords(relay), config);
  const prices = storedPriceOverrides([
    { provider: 'p', model: 'm', input_usd_per_million: '1', output_usd_per_million: '2' },
  ]);
  await own.set(PRICED, prices, nobody);
  await own.now(PRICED);
  await own.find(PRICED, prices.version);
  await own.set(PRICED, null, nobody);
}
