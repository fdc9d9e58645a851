import { tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * By its search path the policies know a function that acts as the owner of the tables. It is planned each time: a plan
 * that was made while the tables were small reads them whole for each of an import's keys.
 */
const AS_OWNER = 'SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan';

/** What walks along an index read in it, without the rows: the filters, and what the policy of imported keys asks. */
const READ_ALONG = 'type, project_id, created_by_kind, created_by_id, import_id';

/**
 * What lists are sorted by must be a plain column: under policies a comparison with a computed value uses no index.
 * `standing` is the part of a key's state that is stored; that it has expired follows from the time. A key that never
 * expires stands behind all others, and letters of ASCII are sorted without regard to case.
 */
const KEY = [
  `ALTER TABLE keys.api_key
     ADD COLUMN standing text NOT NULL GENERATED ALWAYS AS (CASE
       WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN revoked_at IS NOT NULL THEN 'revoked'
       WHEN disabled_at IS NOT NULL THEN 'disabled' ELSE 'live' END) STORED,
     ADD COLUMN name_sorted text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name COLLATE "C")) STORED,
     ADD COLUMN expiry_sorted timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(expires_at, 'infinity')) STORED`,
  `CREATE INDEX api_key_sorted_by_created ON keys.api_key (organization_id, standing, created_at, id)
     INCLUDE (${READ_ALONG}, expiry_sorted)`,
  `CREATE INDEX api_key_sorted_by_name ON keys.api_key (organization_id, standing, name_sorted, id)
     INCLUDE (${READ_ALONG}, expiry_sorted)`,
  `CREATE INDEX api_key_sorted_by_expiry ON keys.api_key (organization_id, standing, expiry_sorted, id)
     INCLUDE (${READ_ALONG})`,
  `CREATE INDEX api_key_of_type ON keys.api_key (organization_id, type, standing)`,
  `CREATE INDEX api_key_made_by ON keys.api_key (organization_id, created_by_kind, created_by_id)`,
];

/**
 * What lists are sorted by that changes with each use. Each key has a row from its creation on, so that one index has
 * used keys and those that were never used, which stand before all others. All triggers lock rows in the order of the
 * ids, so that no two transactions wait for each other.
 */
const LISTED = [
  `CREATE TABLE keys.listed_key (
    organization_id text NOT NULL,
    api_key_id uuid NOT NULL,
    standing text NOT NULL,
    last_used_sorted timestamptz NOT NULL DEFAULT '-infinity',
    spend_sorted bigint NOT NULL DEFAULT 0,
    import_id uuid,
    CONSTRAINT listed_key_pk PRIMARY KEY (organization_id, api_key_id),
    CONSTRAINT listed_key_api_key_fk FOREIGN KEY (organization_id, api_key_id) REFERENCES keys.api_key (organization_id, id) ON DELETE CASCADE
  )`,
  ...tenantTableSql({ schema: 'keys', table: 'listed_key', service: 'SELECT' }),
  // As of the keys themselves: those of an import that is not live yet are in no list.
  `CREATE POLICY listed_key_of_live_imports ON keys.listed_key AS RESTRICTIVE FOR SELECT TO tollgate_keys
     USING (import_id IS NULL OR import_id IN (SELECT id FROM keys.key_import WHERE live_at IS NOT NULL))`,
  'CREATE INDEX listed_key_by_last_used ON keys.listed_key (organization_id, standing, last_used_sorted, api_key_id) INCLUDE (import_id)',
  'CREATE INDEX listed_key_by_spend ON keys.listed_key (organization_id, standing, spend_sorted, api_key_id) INCLUDE (import_id)',
  'DROP INDEX keys.api_key_use_by_last_use',
  `CREATE FUNCTION keys.list_new_keys() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
    BEGIN
      INSERT INTO keys.listed_key (organization_id, api_key_id, standing, import_id) SELECT organization_id, id, standing, import_id FROM made;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER list_new_keys AFTER INSERT ON keys.api_key REFERENCING NEW TABLE AS made
     FOR EACH STATEMENT EXECUTE FUNCTION keys.list_new_keys()`,
  `CREATE FUNCTION keys.list_standing() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
    BEGIN
      IF NOT EXISTS (SELECT FROM changed JOIN former USING (id) WHERE changed.standing <> former.standing) THEN RETURN NULL; END IF;
      PERFORM 1 FROM keys.listed_key AS l JOIN changed AS c ON c.organization_id = l.organization_id AND c.id = l.api_key_id
        ORDER BY l.api_key_id FOR UPDATE OF l;
      UPDATE keys.listed_key AS l SET standing = c.standing FROM changed AS c
        WHERE l.organization_id = c.organization_id AND l.api_key_id = c.id AND l.standing <> c.standing;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER list_standing AFTER UPDATE ON keys.api_key REFERENCING OLD TABLE AS former NEW TABLE AS changed
     FOR EACH STATEMENT EXECUTE FUNCTION keys.list_standing()`,
  `CREATE FUNCTION keys.list_use() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
    BEGIN
      PERFORM 1 FROM keys.listed_key AS l JOIN changed AS c ON c.organization_id = l.organization_id AND c.api_key_id = l.api_key_id
        ORDER BY l.api_key_id FOR UPDATE OF l;
      UPDATE keys.listed_key AS l SET last_used_sorted = c.last_used_at, spend_sorted = c.charged_nano_usd FROM changed AS c
        WHERE l.organization_id = c.organization_id AND l.api_key_id = c.api_key_id;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER list_first_use AFTER INSERT ON keys.api_key_use REFERENCING NEW TABLE AS changed
     FOR EACH STATEMENT EXECUTE FUNCTION keys.list_use()`,
  `CREATE TRIGGER list_use AFTER UPDATE ON keys.api_key_use REFERENCING NEW TABLE AS changed
     FOR EACH STATEMENT EXECUTE FUNCTION keys.list_use()`,
  `INSERT INTO keys.listed_key (organization_id, api_key_id, standing, import_id, last_used_sorted, spend_sorted)
     SELECT k.organization_id, k.id, k.standing, k.import_id, coalesce(u.last_used_at, '-infinity'), coalesce(u.charged_nano_usd, 0)
     FROM keys.api_key AS k LEFT JOIN keys.api_key_use AS u ON u.organization_id = k.organization_id AND u.api_key_id = k.id`,
];

/** SQL: what the key `k` is searched by. */
const SEARCHED = `E'\\n' || keys.searched(k.name) || E'\\n' || coalesce(keys.searched(k.description) || E'\\n', '')
  || coalesce((SELECT string_agg(DISTINCT keys.searched(s.masked), E'\\n') || E'\\n' FROM keys.api_key_secret AS s WHERE s.api_key_id = k.id), '')
  || k.id || E'\\n'`;

/**
 * What a key is searched by, in one text: its name, its description, its masked secrets and its id, each between line
 * ends, which no search has. So a text behind a line end is the beginning of one of them. How letters are folded is the
 * database's choice where it knows more than ASCII, else ICU's.
 */
const SEARCH = [
  `DO $do$
    DECLARE folding text := '';
    BEGIN
      IF lower('Ä') <> 'ä' THEN
        BEGIN
          EXECUTE 'SELECT lower(''Ä'' COLLATE "und-x-icu")';
          folding := ' COLLATE "und-x-icu"';
        EXCEPTION WHEN OTHERS THEN
          folding := '';
        END;
      END IF;
      EXECUTE format('CREATE FUNCTION keys.searched(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT pg_catalog.translate(pg_catalog.lower(pg_catalog.normalize(given, ''NFC'')%s), E''\\n\\r'', ''  '') $$', folding);
    END $do$`,
  `CREATE TABLE keys.api_key_search (
    organization_id text NOT NULL,
    api_key_id uuid NOT NULL,
    text text NOT NULL,
    CONSTRAINT api_key_search_pk PRIMARY KEY (organization_id, api_key_id),
    CONSTRAINT api_key_search_api_key_fk FOREIGN KEY (organization_id, api_key_id) REFERENCES keys.api_key (organization_id, id) ON DELETE CASCADE
  )`,
  ...tenantTableSql({ schema: 'keys', table: 'api_key_search', service: 'SELECT' }),
  `CREATE FUNCTION keys.note_searched_secrets() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
    BEGIN
      INSERT INTO keys.api_key_search (organization_id, api_key_id, text)
      SELECT k.organization_id, k.id, ${SEARCHED} FROM keys.api_key AS k WHERE k.id IN (SELECT api_key_id FROM made)
      ON CONFLICT (organization_id, api_key_id) DO UPDATE SET text = EXCLUDED.text WHERE api_key_search.text <> EXCLUDED.text;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER note_searched_secrets AFTER INSERT ON keys.api_key_secret REFERENCING NEW TABLE AS made
     FOR EACH STATEMENT EXECUTE FUNCTION keys.note_searched_secrets()`,
  `CREATE FUNCTION keys.note_searched_texts() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
    BEGIN
      UPDATE keys.api_key_search SET text = (SELECT ${SEARCHED} FROM keys.api_key AS k WHERE k.id = NEW.id)
      WHERE organization_id = NEW.organization_id AND api_key_id = NEW.id;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER note_searched_texts AFTER UPDATE OF name, description ON keys.api_key FOR EACH ROW
     WHEN (OLD.name <> NEW.name OR OLD.description IS DISTINCT FROM NEW.description) EXECUTE FUNCTION keys.note_searched_texts()`,
  `INSERT INTO keys.api_key_search (organization_id, api_key_id, text)
     SELECT k.organization_id, k.id, ${SEARCHED} FROM keys.api_key AS k`,
  // Trigrams find texts in the middle of others. Both extensions are trusted, so whoever may create in this database
  // may add them; where they are missing, or may not be added, a search reads the organisation's texts one by one. The
  // embedded Postgres does so too: one of an earlier release could not open an index of an extension it does not have.
  `DO $do$
    DECLARE place text;
    BEGIN
      IF version() LIKE '%emscripten%' THEN RETURN; END IF;
      CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA keys;
      CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA keys;
      SELECT quote_ident(n.nspname) INTO place FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
      EXECUTE format('CREATE INDEX api_key_search_trigrams ON keys.api_key_search USING gin (organization_id, text %s.gin_trgm_ops)', place);
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
      RAISE WARNING 'searches for keys have no index: the extensions pg_trgm and btree_gin are not there';
    END $do$`,
];

/**
 * LIKE does not promise that it tells nothing of rows that the policies hide, so under them no trigram is looked up.
 * This function does that as the owner, for the organisation of the transaction and for no other. It plans by its
 * arguments: a common text is better looked for by reading. Index: api_key_search_trigrams.
 */
const MATCHING = [
  `CREATE FUNCTION keys.api_keys_matching(tenant text, needle text) RETURNS TABLE (id uuid)
     LANGUAGE plpgsql STABLE ${AS_OWNER} AS $$
    BEGIN
      IF tenant IS DISTINCT FROM nullif(current_setting('tollgate.organization_id', true), '') THEN RETURN; END IF;
      RETURN QUERY EXECUTE
        'SELECT api_key_id FROM keys.api_key_search WHERE organization_id = $1 AND text LIKE $2 ESCAPE ''\\'''
        USING tenant, '%' || replace(replace(replace(needle, '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%';
    END $$`,
  'REVOKE ALL ON FUNCTION keys.api_keys_matching(text, text) FROM PUBLIC',
  'GRANT EXECUTE ON FUNCTION keys.api_keys_matching(text, text) TO tollgate_keys',
];

/** Lists of keys are filtered, sorted and searched in the database, also where an organisation has half a million. */
export class KeyList1797638400000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...KEY, ...LISTED, ...SEARCH, ...MATCHING]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('lists of keys need these columns: restore the database from before');
  }
}
