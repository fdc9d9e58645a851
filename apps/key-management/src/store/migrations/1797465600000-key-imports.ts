import { rolesOf, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const { service, allTenants } = rolesOf('keys');

/**
 * One import of keys. Its keys are written piece by piece where all keys are, and nobody sees them until `live_at` is
 * set: one row, for however many keys. `lease_until` is moved while it is staged; whoever finds it in the past may
 * abandon the import. After it is live, its pieces are announced one by one: `announced` counts them.
 */
const IMPORTS = [
  `CREATE TABLE keys.key_import (
    organization_id text NOT NULL CONSTRAINT key_import_organization_fk REFERENCES keys.organization (id),
    id uuid NOT NULL,
    actor text,
    created_at timestamptz NOT NULL,
    lease_until timestamptz NOT NULL,
    pieces integer NOT NULL DEFAULT 0 CONSTRAINT key_import_pieces_not_negative CHECK (pieces >= 0),
    announced integer NOT NULL DEFAULT 0 CONSTRAINT key_import_announced_of_pieces CHECK (announced BETWEEN 0 AND pieces),
    abandoned_at timestamptz,
    live_at timestamptz,
    CONSTRAINT key_import_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT key_import_id_unique UNIQUE (id),
    CONSTRAINT key_import_one_end CHECK (abandoned_at IS NULL OR live_at IS NULL)
  )`,
  ...tenantTableSql({
    schema: 'keys',
    table: 'key_import',
    service: 'SELECT, INSERT, UPDATE, DELETE',
    allTenants: 'SELECT',
  }),
  `CREATE INDEX key_import_open ON keys.key_import (created_at) WHERE live_at IS NULL OR announced < pieces`,
  `ALTER TABLE keys.api_key
     ADD COLUMN import_id uuid,
     ADD COLUMN import_piece integer,
     ADD CONSTRAINT api_key_import_fk FOREIGN KEY (organization_id, import_id) REFERENCES keys.key_import (organization_id, id),
     ADD CONSTRAINT api_key_import_has_pieces CHECK ((import_id IS NULL) = (import_piece IS NULL))`,
  `CREATE INDEX api_key_by_import ON keys.api_key (organization_id, import_id, import_piece) WHERE import_id IS NOT NULL`,
  `ALTER TABLE keys.group_key ADD COLUMN import_id uuid`,
];

/** Staged rows are there for nobody: no list, count, change or membership of a group sees them. */
const hidden = (table: string): string =>
  `CREATE POLICY ${table}_of_live_imports ON keys.${table} AS RESTRICTIVE FOR SELECT TO ${service}, ${allTenants}
     USING (import_id IS NULL OR import_id IN (SELECT id FROM keys.key_import WHERE live_at IS NOT NULL))`;

/** The condition for functions that run as the owner of the tables, whom no policy binds. */
const LIVE = `(k.import_id IS NULL OR EXISTS (SELECT 1 FROM keys.key_import AS i WHERE i.id = k.import_id AND i.live_at IS NOT NULL))`;

/** Adds the condition to a look-up as it is, whatever columns other migrations have given it. */
const leaveOutStaged = (signature: string): string =>
  `DO $patch$
    DECLARE
      was text := pg_get_functiondef('keys.${signature}'::regprocedure);
      is_now text := replace(was, 'WHERE k.id IN (', 'WHERE ${LIVE} AND k.id IN (');
    BEGIN
      IF is_now = was THEN RAISE EXCEPTION 'keys.${signature} has no place for the condition'; END IF;
      EXECUTE is_now;
    END $patch$`;

/**
 * Which of these digests some key of the installation has, whoever's it is; `staged` says that it is not live yet.
 * Index: api_key_secret_pk.
 */
const TAKEN = `CREATE FUNCTION keys.taken_digests(asked text[]) RETURNS TABLE (digest text, staged boolean)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $look_up$
  SELECT encode(s.digest, 'hex'), NOT ${LIVE}
  FROM keys.api_key_secret AS s JOIN keys.api_key AS k ON k.id = s.api_key_id
  WHERE s.digest IN (SELECT decode(d, 'hex') FROM unnest(asked) AS given (d)) $look_up$`;

/**
 * Removes what one abandoned import of the transaction's organisation has staged in one piece: the role of the service
 * may delete no key. Index: api_key_by_import.
 */
const DROP_STAGED = `CREATE FUNCTION keys.drop_staged_keys(import uuid, piece integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $drop$
  DECLARE
    tenant text := nullif(current_setting('tollgate.organization_id', true), '');
    ids uuid[];
  BEGIN
    PERFORM 1 FROM keys.key_import
      WHERE organization_id = tenant AND id = import AND abandoned_at IS NOT NULL AND live_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN RETURN 0; END IF;
    SELECT array_agg(k.id) INTO ids FROM keys.api_key AS k
      WHERE k.organization_id = tenant AND k.import_id = import AND k.import_piece = piece;
    DELETE FROM keys.group_key WHERE organization_id = tenant AND api_key_id = ANY(ids);
    DELETE FROM keys.api_key_secret WHERE api_key_id = ANY(ids);
    DELETE FROM keys.api_key WHERE id = ANY(ids);
    RETURN coalesce(cardinality(ids), 0);
  END $drop$`;

const granted = (signature: string): readonly string[] => [
  `REVOKE ALL ON FUNCTION keys.${signature} FROM PUBLIC`,
  `GRANT EXECUTE ON FUNCTION keys.${signature} TO ${service}`,
];

/** Keys of other products, by the SHA-256 of their secrets. */
export class KeyImports1797465600000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const all = [
      ...IMPORTS,
      hidden('api_key'),
      hidden('group_key'),
      leaveOutStaged('keys_by_digests(text[])'),
      leaveOutStaged('api_keys_by_digests(text[])'),
      TAKEN,
      ...granted('taken_digests(text[])'),
      DROP_STAGED,
      ...granted('drop_staged_keys(uuid, integer)'),
    ];
    for (const statement of all) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('imported keys cannot do without these columns: restore the database from before');
  }
}
