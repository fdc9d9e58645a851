import type { EntityManager } from 'typeorm';
import { TENANT_SETTING } from './service-database.js';
import type { ServiceSchema } from './service-roles.js';
import { formerReleaseSql, tenantTableSql } from './tenant-tables.js';

/** Something to do outside of Postgres once a transaction has committed. */
export interface OutboxEntry {
  /** The name of the effect that does it: a topic, or a name that the service chooses. */
  readonly effect: string;
  /** Entries of one effect and key are done in the order in which they were written. */
  readonly key: string;
  /** JSON text, stored unchanged. */
  readonly payload: string;
}

/** An entry as an effect receives it. */
export interface OutboxRow extends OutboxEntry {
  /** Grows with each entry. */
  readonly id: string;
  readonly createdAt: Date;
  /** The number of this attempt; the first is 1. */
  readonly attempt: number;
}

/** DDL of a service's outbox table with its index, for a migration: `outboxTableSql('keys')` makes `keys.outbox`. */
export function outboxTableSql(schema: string): string[] {
  return [
    `CREATE TABLE ${schema}.outbox (
      id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pk PRIMARY KEY,
      effect text NOT NULL,
      key text NOT NULL,
      payload text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
      claim_id uuid,
      claimed_until timestamptz NOT NULL DEFAULT '-infinity'
    )`,
    `CREATE INDEX outbox_effect_key ON ${schema}.outbox (effect, key, id)`,
  ];
}

/**
 * DDL for a migration: entries belong to the organisation that their transaction is about, and those of a transaction
 * about none to none. A transaction sees of others' entries not even how many there are; the relay sees all.
 */
export function outboxTenantSql(schema: ServiceSchema): readonly string[] {
  return [...tenantsSql(schema), formerReleaseSql(schema, 'outbox')];
}

/** DDL for a migration: the outbox of a service that had none before, with what `outboxTenantSql` says. */
export function newOutboxSql(schema: ServiceSchema): readonly string[] {
  return [...outboxTableSql(schema), ...tenantsSql(schema)];
}

function tenantsSql(schema: ServiceSchema): readonly string[] {
  return [
    `ALTER TABLE ${schema}.outbox
       ADD COLUMN organization_id text DEFAULT nullif(current_setting('${TENANT_SETTING}', true), '')`,
    ...tenantTableSql({
      schema,
      table: 'outbox',
      someOfNone: true,
      service: 'INSERT (effect, key, payload), SELECT (id)',
      allTenants: 'SELECT, INSERT, UPDATE, DELETE',
    }),
  ];
}

/** The writing side of a service's outbox. */
export class Outbox {
  constructor(readonly schema: string) {}

  /**
   * Writes entries in the caller's transaction and resolves with their ids, in order. Lock the row that `key` names
   * first: ids are assigned at the insert, so two transactions that add entries of one key without a lock could commit
   * in the opposite order.
   */
  async add(manager: EntityManager, ...entries: readonly OutboxEntry[]): Promise<string[]> {
    if (entries.length === 0) return [];
    const rows: { id: string }[] = await manager.query(
      `INSERT INTO ${this.schema}.outbox (effect, key, payload)
       SELECT effect, key, payload FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS e (effect, key, payload, n)
       ORDER BY n RETURNING id`,
      [entries.map((entry) => entry.effect), entries.map((entry) => entry.key), entries.map((entry) => entry.payload)],
    );
    return rows.map((row) => row.id);
  }
}
