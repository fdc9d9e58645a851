import { Injectable } from '@nestjs/common';
import type { Contacts, ContactsRequest } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';

/** Events of usage name keys by any text; only a UUID can be one. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Stores the members of organisations. */
@Injectable()
export class Members {
  constructor(private readonly database: ServiceDatabase) {}

  /** Addresses of the owners, by organisation. Index: member_owners. */
  async ownerEmails(organizationIds: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string; emails: string[] }[]>(
        `SELECT organization_id, array_agg(email ORDER BY email) AS emails FROM keys.member
         WHERE organization_id = ANY($1::text[]) AND role = 'owner' GROUP BY organization_id`,
        [organizationIds],
      ),
    );
    return new Map(rows.map((row) => [row.organization_id, row.emails]));
  }

  /**
   * Whom alerts about an organisation or a key of it go to. Indexes: organization_pk, api_key_of_organization_unique,
   * member_owners.
   */
  async contacts({ organizationId, apiKeyId }: ContactsRequest): Promise<Contacts> {
    const [row] = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ name: string; key_name: string | null; emails: string[] }[]>(
        `SELECT o.name, (SELECT k.name FROM keys.api_key AS k WHERE k.id = $2::uuid AND k.organization_id = o.id) AS key_name,
           coalesce((SELECT array_agg(m.email ORDER BY m.email) FROM keys.member AS m
             WHERE m.organization_id = o.id AND m.role = 'owner'), '{}') AS emails
         FROM keys.organization AS o WHERE o.id = $1 AND o.deleted_at IS NULL`,
        [organizationId, apiKeyId !== null && UUID.test(apiKeyId) ? apiKeyId : null],
      ),
    );
    if (row === undefined) return { organizationName: null, keyName: null, ownerEmails: [] };
    return { organizationName: row.name, keyName: row.key_name, ownerEmails: row.emails };
  }
}
