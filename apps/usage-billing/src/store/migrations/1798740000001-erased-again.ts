import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // How many calls of its keys were booked when what is personal was erased: what comes later is erased, too. Null:
  // nothing was erased yet, or by the release before.
  'ALTER TABLE billing.organization_end ADD COLUMN erased_calls bigint',
  `CREATE INDEX quarantine_by_said_organization ON billing.quarantine (said_organization_id, quarantined_at)
     WHERE said_organization_id IS NOT NULL`,
  // The text of a quarantined event stays, without the address of its caller. As escaped text any bytes can be read,
  // whether they are JSON, or were cut within the address.
  `CREATE FUNCTION billing.erase_quarantined_addresses(organization text) RETURNS void LANGUAGE sql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     UPDATE billing.quarantine SET value = decode(regexp_replace(encode(value, 'escape'),
       '"clientAddress"\\s*:\\s*"[^"]*("|$)', '"clientAddress":""', 'g'), 'escape')
     WHERE said_organization_id = organization AND encode(value, 'escape') ~ '"clientAddress"\\s*:\\s*"[^"]' $$`,
  `CREATE OR REPLACE FUNCTION billing.erase_personal(organization text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
     SET search_path = pg_catalog, pg_temp AS $$
     BEGIN
       UPDATE billing.key_usage SET last_used_from = '' WHERE organization_id = organization AND last_used_from <> '';
       UPDATE billing.secret_usage SET last_used_from = '', addresses = '[]'
         WHERE organization_id = organization AND (last_used_from <> '' OR addresses <> '[]');
       -- A member's name is their address.
       UPDATE billing.usage_name SET name = id WHERE organization_id = organization AND kind = 'member' AND name <> id;
       DELETE FROM billing.alert_mail WHERE organization_id = organization;
       DELETE FROM billing.alert_settings WHERE organization_id = organization;
       DELETE FROM billing.webhook WHERE organization_id = organization;
       PERFORM billing.erase_quarantined_addresses(organization);
     END $$`,
  'REVOKE ALL ON FUNCTION billing.erase_quarantined_addresses(text) FROM PUBLIC',
];

/** What is personal of a deleted organisation is erased also in quarantine, and of calls that are booked late. */
export class ErasedAgain1798740000001 implements Migration {
  name = 'ErasedAgain1798740000001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was erased does not come back by a migration'));
  }
}
