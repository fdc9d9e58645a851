import { rolesOf, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const COLUMNS =
  'account_id, organization_id, cap_nano_usd, posted_nano_usd, unheld_nano_usd, ceiling_nano_usd, closed_at';

/** Nothing more may be posted to a grant than what has not lapsed, also where nothing was charged to it before. */
const LOWER = `INSERT INTO billing.account AS known (${COLUMNS})
  SELECT 'grant:' || id, organization_id, amount_nano_usd, 0, 0, amount_nano_usd - expired_nano_usd, closed_at
  FROM billing.grant WHERE expired_nano_usd > 0
  ON CONFLICT (account_id) DO UPDATE SET
    ceiling_nano_usd = greatest(known.posted_nano_usd, least(known.ceiling_nano_usd, EXCLUDED.ceiling_nano_usd))`;

/** The accounts of grants say what of them can still be charged, so that no event that arrives late uses what lapsed. */
export class LapsedGrants1798502400001 implements Migration {
  name = 'LapsedGrants1798502400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`GRANT INSERT (${COLUMNS}) ON billing.account TO ${rolesOf('billing').service}`);
    await runner.query(LOWER);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what lapsed of grants is not given back'));
  }
}
