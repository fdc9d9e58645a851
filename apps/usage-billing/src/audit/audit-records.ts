import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { AUDIT_RECORDED_V1, PERSONAL_FIELD, type AuditRecordedV1 } from '@tollgate/contracts';
import { unreachable } from '@tollgate/errors';
import type { EntityManager } from 'typeorm';
import { BillingRelay } from '../relay/billing-relay.js';

type AuditValue = string | number | boolean | null | readonly AuditValue[] | AuditFields;

/** What an entry says of a target. Amounts are decimal USD, moments are RFC 3339. It never has a secret in it. */
export interface AuditFields {
  readonly [name: string]: AuditValue;
}

/** Something that was done, for the audit trail that key-management keeps. */
export interface AuditRecord {
  /** Whose trail it belongs to; null for what concerns the whole installation. */
  readonly organizationId: string | null;
  readonly actor: Actor;
  /** What was done to what, such as `credit_grant.created`. */
  readonly action: string;
  readonly target: AuditRecordedV1['target'];
  /** Its fields before and after; null where there was or is none. The trail shows those that differ. */
  readonly before: AuditFields | null;
  readonly after: AuditFields | null;
  /** What else there is to say, such as a reason. */
  readonly details?: AuditFields;
}

/** The key of messages that concern no organisation. */
const INSTALLATION = 'installation';
/** The address and the id of a request are what a client or a proxy has sent. */
const SENT_LENGTH_MAX = 200;

/**
 * Tells the audit trail what was done. The entry is written in the transaction of the change, and reaches the trail by
 * the bus: there is none without the other, also when this process ends in between.
 *
 * @example
 * await this.database.inOrganization(organizationId, async (manager) => {
 *   await this.store.save(manager, after);
 *   await this.audit.add(manager, {
 *     organizationId, actor, action: 'budget.updated', target: { type: 'budget', id },
 *     before: fieldsOf(before), after: fieldsOf(after),
 *   });
 * });
 * this.audit.announced();
 */
@Injectable()
export class AuditRecords {
  constructor(private readonly relay: BillingRelay) {
    relay.publishes(AUDIT_RECORDED_V1);
  }

  /** Writes entries in the caller's transaction. Call `announced` after its commit. */
  async add(manager: EntityManager, ...records: readonly AuditRecord[]): Promise<void> {
    const at = new Date().toISOString();
    await this.relay.outbox.add(
      manager,
      ...records.map((record) => ({
        effect: AUDIT_RECORDED_V1,
        key: record.organizationId ?? INSTALLATION,
        payload: JSON.stringify(messageOf(record, at)),
      })),
    );
  }

  /** Sends what was committed at once. */
  announced(): void {
    this.relay.wake();
  }
}

/** An address of a person, which the trail keeps where it can be erased. */
export const personalEmail = (text: string): AuditFields => ({ [PERSONAL_FIELD]: { kind: 'email', text } });

type Message = Omit<AuditRecordedV1, 'before' | 'after' | 'details'> &
  Required<Pick<AuditRecord, 'before' | 'after' | 'details'>>;

function messageOf(record: AuditRecord, at: string): Message {
  const { organizationId, actor, action, target, before, after, details = {} } = record;
  return {
    eventVersion: 1,
    entryId: randomUUID(),
    organizationId,
    at,
    actor: actorOf(actor),
    address: actor.address?.slice(0, SENT_LENGTH_MAX) ?? null,
    requestId: actor.requestId?.slice(0, SENT_LENGTH_MAX) ?? null,
    action,
    target,
    before,
    after,
    details,
  };
}

function actorOf({ principal }: Actor): AuditRecordedV1['actor'] {
  switch (principal?.kind) {
    case undefined:
      return { type: 'tollgate', id: null };
    case 'operator':
      return { type: 'operator', id: null };
    case 'api_key':
      return { type: 'api_key', id: principal.apiKeyId };
    case 'person':
      return { type: 'person', id: principal.personId };
    default:
      return unreachable(principal);
  }
}
