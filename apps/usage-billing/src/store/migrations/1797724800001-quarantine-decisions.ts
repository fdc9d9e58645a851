import { commonTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // What is known of a quarantined event beside its text, and what was decided about it. The release before writes none
  // of these columns: their rows are open, and of no known cause. Whose the event is, nobody has checked: the table is
  // the operator's, and of no organisation.
  `ALTER TABLE billing.quarantine
     ADD COLUMN cause text,
     ADD COLUMN field text,
     ADD COLUMN request_id uuid,
     ADD COLUMN said_organization_id text,
     ADD COLUMN said_api_key_id text,
     ADD COLUMN difference jsonb,
     ADD COLUMN digest bytea,
     ADD COLUMN is_cut boolean NOT NULL DEFAULT false,
     ADD COLUMN state text NOT NULL DEFAULT 'open'
       CONSTRAINT quarantine_state_known CHECK (state IN ('open', 'replayed', 'discarded')),
     ADD COLUMN decided_at timestamptz,
     ADD COLUMN decided_by text,
     ADD COLUMN decision jsonb,
     ADD CONSTRAINT quarantine_decided CHECK ((state = 'open') = (decided_at IS NULL))`,
  // One text of one request is there once, however often a gateway sends it.
  'CREATE UNIQUE INDEX quarantine_by_request ON billing.quarantine (request_id, digest)',
  'CREATE INDEX quarantine_by_digest ON billing.quarantine (digest) WHERE log_offset IS NULL',
  `CREATE INDEX quarantine_open ON billing.quarantine (id) WHERE state = 'open'`,
  ...commonTableSql({
    schema: 'billing',
    table: 'quarantine',
    allTenants: 'UPDATE (state, decided_at, decided_by, decision)',
  }),
  // What the event says that was charged. charge_nano_usd is what the ledger decided, which may be less, and does not
  // tell an event that comes again from another one. Null in rows of the release before.
  'ALTER TABLE billing.usage_event ADD COLUMN told_charge_nano_usd bigint',
];

/** Quarantined events can be looked at, replayed and discarded; an event with another content is seen as a conflict. */
export class QuarantineDecisions1797724800001 implements Migration {
  name = 'QuarantineDecisions1797724800001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was decided about quarantined events is not forgotten by a migration'));
  }
}
