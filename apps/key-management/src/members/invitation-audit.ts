import type { Actor } from '@tollgate/auth';
import { changesBetween, type AuditEntry } from '../audit/audit-entry.js';
import { Personal, type AuditValue } from '../audit/audit-value.js';
import type { Invitation } from './invitation.js';

/** What becomes of an invitation. */
export type InvitationChange = 'created' | 'accepted' | 'taken_back';

/** The entry of the audit trail for an invitation that was sent or has ended. It never has the token. */
export function invitationEntry(change: InvitationChange, invitation: Invitation, actor: Actor): AuditEntry {
  const { id, email, role, expiresAt } = invitation;
  const fields: Record<string, AuditValue> = { email: new Personal('email', email), role, expires_at: expiresAt };
  const changes = change === 'created' ? changesBetween(null, fields) : changesBetween(fields, null);
  return { actor, action: `invitation.${change}`, targetType: 'invitation', targetId: id, changes };
}
