import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { z } from 'zod';
import { AuditRecords, type AuditFields } from '../audit/audit-records.js';
import type { QuarantineCause } from '../ledger/book-usage/read-usage-record.js';
import type { QUARANTINE_STATES } from './quarantine.request.js';

type Json = z.core.util.JSONType;
type QuarantineState = (typeof QUARANTINE_STATES)[number];
/** How it was decided about an event, for people to read later. */
export type QuarantineDecision = Record<string, Json>;

/** An event that is not booked, or was booked by a replay. */
export interface QuarantinedEvent {
  readonly id: string;
  readonly cause: QuarantineCause | null;
  readonly field: string | null;
  readonly reason: string;
  readonly requestId: string | null;
  readonly organizationId: string | null;
  readonly apiKeyId: string | null;
  readonly topic: string;
  readonly text: string;
  readonly isCut: boolean;
  readonly difference: readonly { readonly field: string; readonly first: Json; readonly second: Json }[] | null;
  readonly state: QuarantineState;
  readonly quarantinedAt: Date;
  readonly decidedAt: Date | null;
  readonly decision: QuarantineDecision | null;
}

/** What a list is asked for; what is left out is not asked. */
export interface QuarantineFilters {
  readonly state?: string | undefined;
  readonly cause?: string | undefined;
  readonly organization_id?: string | undefined;
  readonly api_key_id?: string | undefined;
  readonly request_id?: string | undefined;
}

/** What is decided about. */
type DecidedEvent = Pick<QuarantinedEvent, 'id' | 'organizationId' | 'requestId' | 'cause'>;

/** How it is decided about an event, and by whom. */
export interface Verdict {
  readonly state: Exclude<QuarantineState, 'open'>;
  readonly decision: QuarantineDecision;
  readonly actor: Actor;
  /** The values that took the place of the event's own. */
  readonly mended?: AuditFields & { readonly organizationId?: string };
}

interface Row {
  id: string;
  cause: QuarantineCause | null;
  field: string | null;
  reason: string;
  request_id: string | null;
  said_organization_id: string | null;
  said_api_key_id: string | null;
  topic: string;
  value: Uint8Array;
  is_cut: boolean;
  difference: QuarantinedEvent['difference'];
  state: QuarantineState;
  quarantined_at: Date;
  decided_at: Date | null;
  decision: QuarantineDecision | null;
}

const COLUMNS = `id, cause, field, reason, request_id, said_organization_id, said_api_key_id, topic, value, is_cut,
  difference, state, quarantined_at, decided_at, decision`;

/** Reads quarantined events, and notes what is decided about them. */
@Injectable()
export class QuarantinedEvents {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly audit: AuditRecords,
  ) {}

  /** The newest first, from before a place on. Index: quarantine_pk. */
  async list(filters: QuarantineFilters, before: string | null, count: number): Promise<QuarantinedEvent[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<Row[]>(
        `SELECT ${COLUMNS} FROM billing.quarantine
         WHERE id < $1 AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR cause = $3)
           AND ($4::text IS NULL OR said_organization_id = $4) AND ($5::text IS NULL OR said_api_key_id = $5)
           AND ($6::uuid IS NULL OR request_id = $6)
         ORDER BY id DESC LIMIT $7`,
        [
          before ?? (2n ** 63n - 1n).toString(),
          filters.state ?? null,
          filters.cause ?? null,
          filters.organization_id ?? null,
          filters.api_key_id ?? null,
          filters.request_id ?? null,
          count,
        ],
      ),
    );
    return rows.map(eventOf);
  }

  /** Null if there is none. Index: quarantine_pk. */
  async find(id: string): Promise<QuarantinedEvent | null> {
    const [row] = await this.database.acrossOrganizations((manager) =>
      manager.query<Row[]>(`SELECT ${COLUMNS} FROM billing.quarantine WHERE id = $1`, [id]),
    );
    return row === undefined ? null : eventOf(row);
  }

  /**
   * The ids under which something of a request was replayed. No other event of the request is decided about until the
   * end of the caller's transaction. Index: quarantine_by_request.
   */
  async lockReplayed(manager: EntityManager, requestId: string): Promise<readonly string[]> {
    const rows = await manager.query<{ booked_as: string | null }[]>(
      `SELECT decision->>'booked_as' AS booked_as FROM billing.quarantine WHERE request_id = $1 ORDER BY id FOR UPDATE`,
      [requestId],
    );
    return [...new Set(rows.flatMap((row) => row.booked_as ?? []))].sort();
  }

  /** Decides about an open event in the caller's transaction. False if somebody has decided. Index: quarantine_open. */
  async decide(
    manager: EntityManager,
    { id, ...event }: DecidedEvent,
    { state, decision, actor, mended = {} }: Verdict,
  ): Promise<boolean> {
    const [rows] = await manager.query<[{ id: string }[], number]>(
      `UPDATE billing.quarantine SET state = $2, decision = $3::jsonb, decided_at = now(), decided_by = 'operator'
       WHERE id = $1 AND state = 'open' RETURNING id`,
      [id, state, JSON.stringify(decision)],
    );
    if (rows.length === 0) return false;
    await this.audit.add(manager, {
      organizationId: mended.organizationId ?? event.organizationId,
      actor,
      action: `quarantined_event.${state}`,
      target: { type: 'quarantined_event', id },
      before: { state: 'open' },
      after: { state },
      details: { usage_request_id: event.requestId, cause: event.cause, decision, mended },
    });
    return true;
  }

  /** Decides about an open event. False if somebody has decided. */
  async decideAlone(event: DecidedEvent, verdict: Verdict): Promise<boolean> {
    const decided = await this.database.acrossOrganizations((manager) => this.decide(manager, event, verdict));
    this.audit.announced();
    return decided;
  }

  /** The number of open events, up to `most`. Index: quarantine_open. */
  async open(most: number): Promise<number> {
    const [row] = await this.database.acrossOrganizations((manager) =>
      manager.query<{ open: string }[]>(
        `SELECT count(*) AS open FROM (SELECT FROM billing.quarantine WHERE state = 'open' ORDER BY id LIMIT $1) AS counted`,
        [most],
      ),
    );
    return Number(row?.open ?? 0);
  }
}

const eventOf = (row: Row): QuarantinedEvent => ({
  id: row.id,
  cause: row.cause,
  field: row.field,
  reason: row.reason,
  requestId: row.request_id,
  organizationId: row.said_organization_id,
  apiKeyId: row.said_api_key_id,
  topic: row.topic,
  text: Buffer.from(row.value).toString(),
  isCut: row.is_cut,
  difference: row.difference,
  state: row.state,
  quarantinedAt: row.quarantined_at,
  decidedAt: row.decided_at,
  decision: row.decision,
});
