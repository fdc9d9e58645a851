import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** Nothing more may be posted to a grant than what has not lapsed. */
const LOWER = `UPDATE billing.account AS a
  SET ceiling_nano_usd = greatest(a.posted_nano_usd, least(a.ceiling_nano_usd, g.amount_nano_usd - g.expired_nano_usd))
  FROM billing.grant AS g WHERE a.account_id = 'grant:' || g.id AND g.expired_nano_usd > 0`;

/** The accounts of grants say what of them can still be charged, so that no late event uses what lapsed. */
export class LapsedGrants1798502400001 implements Migration {
  name = 'LapsedGrants1798502400001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LOWER);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what lapsed of grants is not given back'));
  }
}
