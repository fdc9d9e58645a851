import { Inject, Injectable } from '@nestjs/common';
import { Outbox, ServiceDatabase } from '@tollgate/postgres';
import { KeyRelay } from '../../relay/key-relay.js';
import { KEYS_SCHEMA, WRITE_ORGANIZATION } from '../../store/outbox-effects.js';
import { organizationOf, SELECT_ORGANIZATION, type OrganizationRow } from '../organization-store.js';
import { organizationSnapshotOf, type Organization } from '../organization.js';
import type { ToldTerms } from './read-billing-terms.js';

/** Index: organization_pk. */
const STORE = `UPDATE keys.organization SET billing_terms = $2::jsonb, billing_version = $3, version = $4
  WHERE id = $1 AND billing_version < $3 RETURNING id`;

/** Keeps beside an organisation what usage-billing says of its credit, and writes its snapshot anew. */
@Injectable()
export class TakeBillingTerms {
  private readonly outbox = new Outbox(KEYS_SCHEMA);

  constructor(
    private readonly database: ServiceDatabase,
    @Inject(KeyRelay) private readonly relay: Pick<KeyRelay, 'wake'>,
  ) {}

  /**
   * Resolves when it is stored; a message that comes again, or after a newer one, changes nothing. A deleted
   * organisation has no use for it.
   */
  async execute({ organizationId, version, terms }: ToldTerms): Promise<void> {
    const stored = await this.database.inOrganization(organizationId, async (manager) => {
      const rows = await manager.query<OrganizationRow[]>(
        `${SELECT_ORGANIZATION} WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [organizationId],
      );
      if (rows[0] === undefined) return false;
      const before = organizationOf(rows[0]);
      const after: Organization = { ...before, billing: terms, version: before.version + 1 };
      const text = Object.keys(terms).length === 0 ? null : JSON.stringify(terms);
      const [changed] = await manager.query<[unknown[], number]>(STORE, [organizationId, text, version, after.version]);
      if (changed.length === 0) return false;
      await this.outbox.add(manager, {
        effect: WRITE_ORGANIZATION,
        key: organizationId,
        payload: JSON.stringify(organizationSnapshotOf(after)),
      });
      return true;
    });
    if (stored) this.relay.wake();
  }
}
