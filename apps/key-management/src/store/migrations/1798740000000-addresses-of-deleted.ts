import { rolesOf, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const { service } = rolesOf('keys');

const UP = [
  `GRANT UPDATE (last_used_from) ON keys.api_key_use TO ${service}`,
  `GRANT UPDATE (addresses) ON keys.api_key_secret_use TO ${service}`,
  // Of organisations that are deleted already. Indexes: api_key_use_pk, api_key_secret_use_pk.
  `UPDATE keys.api_key_use AS u SET last_used_from = NULL FROM keys.organization AS o
   WHERE o.id = u.organization_id AND o.deleted_at IS NOT NULL AND u.last_used_from IS NOT NULL`,
  `UPDATE keys.api_key_secret_use AS u SET addresses = '[]' FROM keys.organization AS o
   WHERE o.id = u.organization_id AND o.deleted_at IS NOT NULL AND u.addresses <> '[]'`,
];

/** The addresses that keys were used from are erased with their organisation. */
export class AddressesOfDeleted1798740000000 implements Migration {
  name = 'AddressesOfDeleted1798740000000';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`REVOKE UPDATE (last_used_from) ON keys.api_key_use FROM ${service}`);
    await runner.query(`REVOKE UPDATE (addresses) ON keys.api_key_secret_use FROM ${service}`);
  }
}
