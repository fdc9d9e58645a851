import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';
import { furtherLookUpColumnsSql } from './further-look-up-columns.js';

/** More than a limit until a moment: both, or neither. */
const raiseSql = (table: 'api_key' | 'organization'): string =>
  `ALTER TABLE keys.${table}
     ADD COLUMN credit_raise_nano_usd bigint
       CONSTRAINT ${table}_credit_raise_bounds CHECK (credit_raise_nano_usd BETWEEN 0 AND 9000000000000000),
     ADD COLUMN credit_raise_until timestamptz,
     ADD CONSTRAINT ${table}_credit_raise_whole CHECK ((credit_raise_nano_usd IS NULL) = (credit_raise_until IS NULL))`;

/**
 * What usage-billing says of an organisation's budgets, grants and mark-up, by the version of its last message, and
 * raises of limits that end by themselves. The release before knows none of this.
 */
export class BillingTerms1797724800000 implements Migration {
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const all = [
      `ALTER TABLE keys.organization
         ADD COLUMN billing_terms jsonb
           CONSTRAINT organization_billing_terms_small CHECK (octet_length(billing_terms::text) <= 131072),
         ADD COLUMN billing_version bigint NOT NULL DEFAULT 0`,
      raiseSql('organization'),
      raiseSql('api_key'),
      furtherLookUpColumnsSql([
        { column: 'credit_raise_nano_usd bigint', from: 'k.credit_raise_nano_usd' },
        { column: 'credit_raise_until timestamptz', from: 'k.credit_raise_until' },
        { column: 'organization_billing_terms jsonb', from: 'o.billing_terms' },
        { column: 'organization_credit_raise_nano_usd bigint', from: 'o.credit_raise_nano_usd' },
        { column: 'organization_credit_raise_until timestamptz', from: 'o.credit_raise_until' },
      ]),
    ];
    for (const statement of all) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('gateways would serve what is not paid for: restore the database from before');
  }
}
