import type { Actor } from '@tollgate/auth';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import type { AuditValue } from '../audit/audit-value.js';

/** One entry of the audit trail of an organisation. Superseded by `AuditEntry`. */
export interface AuditEvent {
  readonly organizationId: string;
  readonly at: Date;
  readonly actor: Actor;
  /** What was done to what, such as `api_key.revoked`. */
  readonly action: string;
  /** The kind of thing, such as `api_key`. */
  readonly targetType: string;
  readonly targetId: string;
  /** Never a secret. */
  readonly details: Readonly<Record<string, unknown>>;
}

const audit = new AuditTrail();

/** Appends events to the audit trail in the caller's transaction. Superseded by `AuditTrail.append`. */
export async function insertAuditEvents(manager: EntityManager, events: readonly AuditEvent[]): Promise<void> {
  await audit.appendAll(
    manager,
    events.map(({ at: _, details, ...event }) => ({ ...event, details: details as Record<string, AuditValue> })),
  );
}
