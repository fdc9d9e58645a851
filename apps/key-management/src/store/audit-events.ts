import type { Actor } from '@tollgate/auth';
import { unreachable } from '@tollgate/errors';
import type { EntityManager } from 'typeorm';

/** One row of the audit trail of an organisation. */
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
      events.map(({ actor }) => actorName(actor)),
      events.map(({ action }) => action),
      events.map(({ targetType }) => targetType),
      events.map(({ targetId }) => targetId),
      events.map(({ details }) => JSON.stringify(details)),
      events.map(({ actor }) => actor.address),
    ],
  );
}

/** `admin` is the admin secret, and has been so since the first release. */
function actorName({ principal }: Actor): string {
  if (principal === null) return 'tollgate';
  switch (principal.kind) {
    case 'operator':
      return 'admin';
    case 'api_key':
      return `api_key:${principal.apiKeyId}`;
    case 'person':
      return `person:${principal.personId}`;
    default:
      return unreachable(principal);
  }
}
