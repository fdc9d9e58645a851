import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditTrail } from './audit-trail.js';
import { INSTALLATION } from './audit-entry.js';

/** Which texts to erase: all about one person, or one text wherever it stands. */
export type TextsToErase = { readonly personId: string } | { readonly text: string };

/** Erases names and addresses of people from the audit trail of one organisation; its entries and hashes stay. */
@Injectable()
export class EraseAuditTexts {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditTrail,
  ) {}

  /** Resolves with how many texts were erased. The entry of the erasure names the person by id, and no text. */
  async execute(organizationId: string, which: TextsToErase, actor: Actor): Promise<number> {
    const [column, value] =
      'personId' in which ? (['about', which.personId] as const) : (['text', which.text] as const);
    return this.database.inOrganization(organizationId, async (manager) => {
      const [, erased]: [unknown, number] = await manager.query(
        `UPDATE keys.audit_subject SET text = NULL, salt = NULL
         WHERE organization_id = $1 AND text IS NOT NULL AND CASE $2 WHEN 'about' THEN about = $3 ELSE text = $3 END`,
        [organizationId, column, value],
      );
      if (erased === 0) return 0;
      await this.audit.append(manager, organizationId === INSTALLATION ? null : organizationId, [
        {
          actor,
          action: 'audit_texts.erased',
          targetType: 'personId' in which ? 'person' : 'text',
          targetId: 'personId' in which ? which.personId : '',
          details: { erased },
        },
      ]);
      return erased;
    });
  }
}
