import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/**
 * A leak is of a whole key (`secret_id` is empty) or of one secret of a key that lives on: one key can have several.
 * The release before knows the first kind alone; what it writes is of that kind.
 */
const SECRETS = [
  ...['finding', 'leak_mail'].map((table) => `ALTER TABLE scanning.${table} DROP CONSTRAINT ${table}_leak_fk`),
  `ALTER TABLE scanning.leak
     ADD COLUMN secret_id text NOT NULL DEFAULT '',
     ADD COLUMN key_is_live boolean NOT NULL DEFAULT false,
     DROP CONSTRAINT leak_of_organization_unique,
     DROP CONSTRAINT leak_pk,
     ADD CONSTRAINT leak_pk PRIMARY KEY (api_key_id, secret_id),
     ADD CONSTRAINT leak_of_organization_unique UNIQUE (organization_id, api_key_id, secret_id)`,
  ...['finding', 'leak_mail'].map(
    (table) => `ALTER TABLE scanning.${table}
     ADD COLUMN secret_id text NOT NULL DEFAULT '',
     ADD CONSTRAINT ${table}_leak_fk FOREIGN KEY (organization_id, api_key_id, secret_id)
       REFERENCES scanning.leak (organization_id, api_key_id, secret_id)`,
  ),
  `ALTER TABLE scanning.leak_mail
     DROP CONSTRAINT leak_mail_once,
     ADD CONSTRAINT leak_mail_once UNIQUE (api_key_id, secret_id, recipient)`,
];

/** A secret that was rotated out can leak while its key lives on. */
export class LeakedSecrets1797120000002 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of SECRETS) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('leaks of single secrets have no place in the tables of before: restore the database instead');
  }
}
