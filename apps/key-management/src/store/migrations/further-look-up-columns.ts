/** A column that `keys.keys_by_digests` gains. */
export interface LookedUpColumn {
  /** Its name and type, such as `organization_billing_terms jsonb`. */
  readonly column: string;
  /** What it is read from: `k` is the key, and `o` its organisation. */
  readonly from: string;
}

/**
 * DDL for a migration: `keys.keys_by_digests` as it is, whatever other migrations have made of it, with further columns
 * behind those that it has. The release before passes over them.
 */
export function furtherLookUpColumnsSql(added: readonly LookedUpColumn[]): string {
  const columns = added.map(({ column }) => `, ${column}`).join('');
  const values = added.map(({ from }) => `, ${from}`).join('');
  return `DO $patch$
    DECLARE
      was text := pg_get_functiondef('keys.keys_by_digests(text[])'::regprocedure);
      wider text := regexp_replace(was, '\\)(\\s+LANGUAGE sql)', '${columns})\\1');
      is_now text := regexp_replace(wider, '(\\s+FROM keys\\.api_key AS k\\s+JOIN keys\\.organization AS o)', '${values}\\1');
      owner text := (SELECT quote_ident(pg_get_userbyid(proowner)) FROM pg_proc WHERE oid = 'keys.keys_by_digests(text[])'::regprocedure);
    BEGIN
      IF wider = was OR is_now = wider THEN RAISE EXCEPTION 'keys.keys_by_digests has no place for the columns'; END IF;
      DROP FUNCTION keys.keys_by_digests(text[]);
      EXECUTE is_now;
      EXECUTE 'ALTER FUNCTION keys.keys_by_digests(text[]) OWNER TO ' || owner;
      REVOKE ALL ON FUNCTION keys.keys_by_digests(text[]) FROM PUBLIC;
      GRANT EXECUTE ON FUNCTION keys.keys_by_digests(text[]) TO tollgate_keys;
    END $patch$`;
}
