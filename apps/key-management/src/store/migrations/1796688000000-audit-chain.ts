import { commonTableSql, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * The chains. `organization_id` refers to no table: the trail outlives the organisation that it is about, and the chain
 * of the installation is about none. `entry` is the exact text under `hash`; the columns beside it are for finding
 * entries, and the verifier compares them with the text.
 */
const CHAINS = [
  `CREATE TABLE keys.audit_head (
    organization_id text NOT NULL,
    stream text NOT NULL CONSTRAINT audit_head_stream_known CHECK (stream IN ('changes', 'refusals')),
    count bigint NOT NULL CONSTRAINT audit_head_count_positive CHECK (count > 0),
    last_hash bytea NOT NULL CONSTRAINT audit_head_hash_length CHECK (octet_length(last_hash) = 32),
    last_at timestamptz NOT NULL,
    CONSTRAINT audit_head_pk PRIMARY KEY (organization_id, stream)
  )`,
  `CREATE TABLE keys.audit_entry (
    organization_id text NOT NULL,
    stream text NOT NULL CONSTRAINT audit_entry_stream_known CHECK (stream IN ('changes', 'refusals')),
    seq bigint NOT NULL CONSTRAINT audit_entry_seq_positive CHECK (seq > 0),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target_type text NOT NULL,
    target_id text NOT NULL,
    request_id text,
    entry text NOT NULL,
    prev_hash bytea NOT NULL CONSTRAINT audit_entry_prev_hash_length CHECK (octet_length(prev_hash) = 32),
    hash bytea NOT NULL CONSTRAINT audit_entry_hash_length CHECK (octet_length(hash) = 32),
    CONSTRAINT audit_entry_pk PRIMARY KEY (organization_id, stream, seq)
  )`,
  `CREATE INDEX audit_entry_by_time ON keys.audit_entry (organization_id, at, stream, seq)`,
  `CREATE INDEX audit_entry_by_actor ON keys.audit_entry (organization_id, actor, at, stream, seq)`,
  `CREATE INDEX audit_entry_by_action ON keys.audit_entry (organization_id, action, at, stream, seq)`,
  `CREATE INDEX audit_entry_by_target_type ON keys.audit_entry (organization_id, target_type, at, stream, seq)`,
  `CREATE INDEX audit_entry_by_target ON keys.audit_entry (organization_id, target_id, at, stream, seq)`,
  `CREATE INDEX audit_entry_by_request ON keys.audit_entry (organization_id, request_id) WHERE request_id IS NOT NULL`,
  `CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON keys.audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION keys.refuse_change()`,
];

/**
 * Texts about people, which entries name by id and a salted digest. Erasing one sets text and salt to null: what is
 * left in the entries says nothing. `about` is the id of a person, or empty.
 */
const SUBJECTS = [
  `CREATE TABLE keys.audit_subject (
    organization_id text NOT NULL,
    stream text NOT NULL CONSTRAINT audit_subject_stream_known CHECK (stream IN ('changes', 'refusals')),
    id uuid NOT NULL,
    kind text NOT NULL,
    about text NOT NULL,
    text text,
    salt bytea,
    CONSTRAINT audit_subject_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT audit_subject_erased_whole CHECK ((text IS NULL) = (salt IS NULL))
  )`,
  `CREATE UNIQUE INDEX audit_subject_by_text ON keys.audit_subject (organization_id, stream, kind, about, text)
    WHERE text IS NOT NULL`,
];

/**
 * The release before goes on writing `keys.audit_event` while its last process runs. Its rows, of before and those
 * to come, wait here until this release has put them into the chains (`TakeOverFormerEvents`). The function runs as the
 * owner of the tables, because the user of the release before need not be the one that has migrated.
 */
const FORMER_EVENTS = [
  `CREATE TABLE keys.audit_event_waiting (event_id bigint CONSTRAINT audit_event_waiting_pk PRIMARY KEY)`,
  `CREATE FUNCTION keys.audit_event_waits() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS $$
    BEGIN
      INSERT INTO keys.audit_event_waiting (event_id) VALUES (NEW.id);
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER audit_event_waits AFTER INSERT ON keys.audit_event
    FOR EACH ROW EXECUTE FUNCTION keys.audit_event_waits()`,
  `INSERT INTO keys.audit_event_waiting (event_id) SELECT id FROM keys.audit_event`,
  `ALTER TABLE keys.audit_event DROP CONSTRAINT audit_event_organization_fk`,
];

/** The audit trail as a hash chain for each organisation, beside which texts about people can be erased. */
export class AuditChain1796688000000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const rights = [
      ...tenantTableSql({
        schema: 'keys',
        table: 'audit_head',
        service: 'SELECT, INSERT, UPDATE (count, last_hash, last_at)',
        allTenants: 'SELECT',
      }),
      ...tenantTableSql({ schema: 'keys', table: 'audit_entry', service: 'SELECT, INSERT', allTenants: 'SELECT' }),
      ...tenantTableSql({
        schema: 'keys',
        table: 'audit_subject',
        service: 'SELECT, INSERT, UPDATE (text, salt)',
        allTenants: 'SELECT',
      }),
      ...commonTableSql({
        schema: 'keys',
        table: 'audit_event_waiting',
        service: 'SELECT',
        allTenants: 'SELECT, UPDATE, DELETE',
      }),
    ];
    for (const statement of [...CHAINS, ...SUBJECTS, ...FORMER_EVENTS, ...rights]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('a chain is not unmade: restore the database from before');
  }
}
