import { rolesOf, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const { allTenants } = rolesOf('billing');

const UP = [
  // Organisations that were deleted: what is known of them is exported first, and what is personal erased then. The
  // export is NDJSON, compressed by gzip, and kept for 30 days.
  `CREATE TABLE billing.organization_end (
    organization_id text CONSTRAINT organization_end_pk PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT now(),
    exported_at timestamptz,
    content bytea,
    erased_at timestamptz,
    CONSTRAINT organization_end_in_order CHECK (erased_at IS NULL OR exported_at IS NOT NULL)
  )`,
  'CREATE INDEX organization_end_newest ON billing.organization_end (requested_at, organization_id)',
  ...tenantTableSql({
    schema: 'billing',
    table: 'organization_end',
    service: 'SELECT, INSERT',
    allTenants: 'SELECT, INSERT, UPDATE',
  }),
  // Tables that only grow refuse every change, whoever asks. Erasing an address is the one exception: the functions
  // below, which run as the owner, say so. No role of a service may update these tables by itself.
  `CREATE OR REPLACE FUNCTION billing.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF TG_OP = 'UPDATE' AND TG_TABLE_NAME LIKE 'usage\\_event%' AND current_setting('tollgate.erases_addresses', true) = 'on' THEN
       RETURN NULL;
     END IF;
     RAISE EXCEPTION 'billing.% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
   END $$`,
  // Erases the addresses of callers from up to most events of an organisation, and returns from how many.
  `CREATE FUNCTION billing.erase_event_addresses(organization text, most integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     DECLARE erased bigint;
     BEGIN
       PERFORM set_config('tollgate.erases_addresses', 'on', true);
       UPDATE billing.usage_event SET client_address = '' WHERE request_id IN (
         SELECT request_id FROM billing.usage_event WHERE organization_id = organization AND client_address <> '' LIMIT most);
       GET DIAGNOSTICS erased = ROW_COUNT;
       PERFORM set_config('tollgate.erases_addresses', 'off', true);
       RETURN erased;
     END $$`,
  // Erases what else is personal, and what would go on telling people. Sums, charges and names of keys stay.
  `CREATE FUNCTION billing.erase_personal(organization text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       UPDATE billing.key_usage SET last_used_from = '' WHERE organization_id = organization AND last_used_from <> '';
       UPDATE billing.secret_usage SET last_used_from = '', addresses = '[]' WHERE organization_id = organization;
       -- A member's name is their address.
       UPDATE billing.usage_name SET name = id WHERE organization_id = organization AND kind = 'member';
       DELETE FROM billing.alert_mail WHERE organization_id = organization;
       DELETE FROM billing.alert_settings WHERE organization_id = organization;
       DELETE FROM billing.webhook WHERE organization_id = organization;
     END $$`,
  ...['erase_event_addresses(text, integer)', 'erase_personal(text)'].flatMap((name) => [
    `REVOKE ALL ON FUNCTION billing.${name} FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION billing.${name} TO ${allTenants}`,
  ]),
];

/** What remains of organisations that were deleted. */
export class OrganizationEnd1797984000003 implements Migration {
  name = 'OrganizationEnd1797984000003';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was erased does not come back by a migration'));
  }
}
