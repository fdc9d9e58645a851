import type { Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** The period at the end of an account's id: a cycle of a limit, or the cycle of a subscription. */
const PERIOD = ':((daily|weekly|monthly):\\d{4}-\\d\\d-\\d\\d|\\d{8}T\\d{6}Z-\\d{8}T\\d{6}Z)$';

const UP = [
  // Kinds: grant is the amount that was given, and expire what of it lapsed, both on the account of the grant. fee is
  // the price of a subscription's cycle, on an account that has no cap. Charges are post, adjust and opening alone.
  `ALTER TABLE billing.transfer DROP CONSTRAINT transfer_kind_known,
     ADD CONSTRAINT transfer_kind_known
       CHECK (kind IN ('post', 'void', 'adjust', 'platform_loss', 'opening', 'grant', 'expire', 'fee')) NOT VALID`,
  `ALTER TABLE billing.account DROP CONSTRAINT account_credit_reset_known,
     ADD CONSTRAINT account_credit_reset_known
       CHECK (credit_reset IN ('never', 'daily', 'weekly', 'monthly', 'subscription')) NOT VALID`,
  // What an account caps and whose it is follow from its id, for processes of the release before as well. closed_at is
  // when a grant was taken out of the snapshot for good, used up or expired.
  `ALTER TABLE billing.account
     ADD COLUMN kind text GENERATED ALWAYS AS (split_part(account_id, ':', 1)) STORED,
     ADD COLUMN owner_id text GENERATED ALWAYS AS (
       regexp_replace(substr(account_id, strpos(account_id, ':') + 1), '${PERIOD}', '')) STORED,
     ADD COLUMN closed_at timestamptz`,
  `CREATE INDEX account_by_owner ON billing.account (organization_id, kind, owner_id, cycle_ends_at)`,
];

/** The ledger has accounts of budgets, grants and subscriptions, and the transfers that these need. */
export class AccountsOfAllKinds1797379200001 implements Migration {
  name = 'AccountsOfAllKinds1797379200001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('accounts of grants and subscriptions are not taken out of the ledger again'));
  }
}
