import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { createLogger } from '@tollgate/telemetry';
import { PriceList, PriceVersions } from '@tollgate/usage-billing';

/** Many versions, as after years of changes. */
export const PRICE_SEEDS = [
  `INSERT INTO billing.price_version (version, prices) SELECT substr(md5(n::text), 1, 12), '[]' FROM generate_series(1, 2000) AS n`,
];

/** Calls every method of price versions that queries the database. */
export async function usePrices({ dataSource }: Database): Promise<void> {
  const config = { routes: [], prices: [], providers: [], defaultPrice: null, priceVersion: 'fedcba987654' };
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const versions = new PriceVersions(new ServiceDatabase(dataSource, 'billing'), new PriceList(config), config, logger);
  await versions.store();
  await versions.store();
}
