import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { PRICED_CONFIG } from './priced-config.js';
import { PriceList, type PricedConfig } from './price-list.js';
import { priceObject, type PriceObject } from './price.reply.js';

/** A version is stored once; later processes of the same prices change nothing. Index: price_version_pkey. */
const STORE = `INSERT INTO billing.price_version (version, prices) VALUES ($1, $2::jsonb)
  ON CONFLICT (version) DO NOTHING`;
/** Index: price_version_pkey. */
const FIND = `SELECT version, to_char(first_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS first_seen_at, prices
  FROM billing.price_version WHERE version = $1`;

/** A version of the book, as it was when it was first seen. */
export interface StoredPriceVersion {
  readonly version: string;
  readonly firstSeenAt: string;
  readonly prices: readonly PriceObject[];
}

/** The versions of the price book that usage events name. Each is kept for good. */
@Injectable()
export class PriceVersions implements OnApplicationBootstrap {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly list: PriceList,
    @Inject(PRICED_CONFIG) private readonly config: PricedConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Stores the version of this configuration. A failure stops nothing: the next start tries again. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.store();
    } catch (error) {
      this.logger.warn({ err: error, version: this.config.priceVersion }, 'the version of the prices was not stored');
    }
  }

  /** Stores the version of this configuration, unless it is known. */
  async store(): Promise<void> {
    const { priceVersion } = this.config;
    if (priceVersion === '' || (await this.find(priceVersion)) !== null) return;
    const prices = JSON.stringify(this.list.chargeable().map(priceObject));
    await this.database.acrossOrganizations((manager) => manager.query(STORE, [priceVersion, prices]));
  }

  /** A version; null if no process has had it. */
  async find(version: string): Promise<StoredPriceVersion | null> {
    const [row] = await this.database.outsideOrganizations((manager) =>
      manager.query<{ version: string; first_seen_at: string; prices: PriceObject[] }[]>(FIND, [version]),
    );
    return row === undefined ? null : { version, firstSeenAt: row.first_seen_at, prices: row.prices };
  }
}
