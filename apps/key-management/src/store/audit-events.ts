import type { EntityManager } from 'typeorm';
import type { Actor } from '../keys/api-key/key-change.js';

/** One row of the audit trail of an organisation. */
export interface AuditEvent {
  readonly organizationId: string;
  readonly at: Date;
  readonly actor: Actor;
  /** What was done to what, such as `api_key.revoked`. */
  readonly action: string;
  readonly targetType: 'api_key' | 'organization';
  readonly targetId: string;
  /** Never a secret. */
  readonly details: Readonly<Record<string, string>>;
}

/** Appends events to the audit trail in the caller's transaction. */
export async function insertAuditEvents(manager: EntityManager, events: readonly AuditEvent[]): Promise<void> {
  await manager.query(
    `INSERT INTO keys.audit_event (organization_id, at, actor, action, target_type, target_id, details, from_address)
     SELECT organization_id, at, actor, action, target_type, target_id, details::jsonb, from_address
     FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
       AS e (organization_id, at, actor, action, target_type, target_id, details, from_address)`,
    [
      events.map(({ organizationId }) => organizationId),
      events.map(({ at }) => at),
      events.map(({ actor }) => actor.name),
      events.map(({ action }) => action),
      events.map(({ targetType }) => targetType),
      events.map(({ targetId }) => targetId),
      events.map(({ details }) => JSON.stringify(details)),
      events.map(({ actor }) => actor.fromAddress),
    ],
  );
}
