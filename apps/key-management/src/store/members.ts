import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';

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
}
