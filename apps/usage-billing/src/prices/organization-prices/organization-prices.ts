import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { ownPrices, priceVersionWith, type OwnPrices, type StoredPriceOverrides } from '@tollgate/config';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditRecords, type AuditFields } from '../../audit/audit-records.js';
import { OrganizationTerms } from '../../terms/organization-terms.js';
import { PRICED_CONFIG } from '../priced-config.js';
import type { PricedConfig } from '../price-list.js';

/** A version that the organisation has had before changes nothing. Index: organization_price_version_pk. */
const STORE = `INSERT INTO billing.organization_price_version (organization_id, version, prices) VALUES ($1, $2, $3::json)
  ON CONFLICT (organization_id, version) DO NOTHING`;
/** Index: organization_price_version_pk. */
const FIND = `SELECT prices, to_char(first_set_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS first_set_at
  FROM billing.organization_price_version WHERE organization_id = $1 AND version = $2`;

/** A version of the prices of one organisation. */
interface FoundVersion {
  readonly prices: OwnPrices;
  readonly firstSetAt: string;
}

/** Prices that organisations have of their own. They go to gateways with all else that is agreed with them. */
@Injectable()
export class OrganizationPrices {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly terms: OrganizationTerms,
    private readonly audit: AuditRecords,
    @Inject(PRICED_CONFIG) private readonly config: Pick<PricedConfig, 'priceVersion'>,
  ) {}

  /** Those that count now, as they are stored; null for none. */
  async stored(organizationId: string): Promise<StoredPriceOverrides | null> {
    const { prices } = await this.database.inOrganization(organizationId, (manager) =>
      this.terms.read(manager, organizationId),
    );
    return prices;
  }

  /** Those that count now, for calls; null for none. */
  async now(organizationId: string): Promise<OwnPrices | null> {
    const stored = await this.stored(organizationId);
    return stored === null ? null : readable(stored);
  }

  /** The version that usage events of an organisation with these prices have. */
  versionWith(own: { readonly version: string } | null): string {
    const { priceVersion } = this.config;
    return own === null ? priceVersion : priceVersionWith(priceVersion, own.version);
  }

  /** Sets the prices of an organisation; null takes all back. Gateways are told at once. */
  async set(organizationId: string, prices: StoredPriceOverrides | null, actor: Actor): Promise<void> {
    await this.database.inOrganization(organizationId, async (manager) => {
      const before = await this.terms.lock(manager, organizationId);
      if (before.prices?.version === prices?.version) return;
      if (prices !== null) await this.keep(manager, organizationId, prices);
      await this.terms.save(manager, organizationId, { ...before, prices });
      await this.audit.add(manager, {
        organizationId,
        actor,
        action: 'organization_prices.updated',
        target: { type: 'organization', id: organizationId },
        before: this.fieldsOf(before.prices),
        after: this.fieldsOf(prices),
      });
    });
    this.terms.announced();
  }

  /** A version that an organisation has or had; null for any other. */
  async find(organizationId: string, version: string): Promise<FoundVersion | null> {
    const [row] = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ prices: StoredPriceOverrides['entries']; first_set_at: string }[]>(FIND, [
        organizationId,
        version,
      ]),
    );
    if (row === undefined) return null;
    return { prices: readable({ version, entries: row.prices }), firstSetAt: row.first_set_at };
  }

  /** Versions are kept for good, so the trail needs to name them alone. */
  private fieldsOf(prices: StoredPriceOverrides | null): AuditFields {
    return { price_version: this.versionWith(prices), prices: prices?.entries.length ?? 0 };
  }

  private async keep(manager: EntityManager, organizationId: string, prices: StoredPriceOverrides): Promise<void> {
    await manager.query(STORE, [organizationId, prices.version, JSON.stringify(prices.entries)]);
  }
}

/** What was stored was readable, and each release reads what the one before has stored. */
function readable(stored: StoredPriceOverrides): OwnPrices {
  const own = ownPrices(stored);
  if (own === null) throw new Error(`the prices of version ${stored.version} cannot be read`);
  return own;
}
