import { commonTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const UP = [
  // What a provider has reported, by model and day. It spans organisations. The digest is that of the file.
  `CREATE TABLE billing.provider_report (
    report_id uuid CONSTRAINT provider_report_pk PRIMARY KEY,
    provider text NOT NULL,
    format text NOT NULL,
    digest bytea NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    rows jsonb NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT provider_report_once UNIQUE (provider, digest)
  )`,
  'CREATE INDEX provider_report_by_time ON billing.provider_report (imported_at, report_id)',
  ...commonTableSql({ schema: 'billing', table: 'provider_report', allTenants: 'SELECT, INSERT' }),
];

/** Reports of providers that the ledger is compared with. */
export class ProviderReports1797984000002 implements Migration {
  name = 'ProviderReports1797984000002';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE billing.provider_report');
  }
}
