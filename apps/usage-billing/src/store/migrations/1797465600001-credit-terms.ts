import { newOutboxSql, rolesOf, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

/** The most of one account in a cycle: 9,000,000 USD. */
const AMOUNT_MAX = '9000000000000000';
const WRITTEN = 'SELECT, INSERT, UPDATE';

const TERMS = [
  // version grows with each change of what gateways must know of the organisation's credit: its budgets and grants too.
  `CREATE TABLE billing.organization_terms (
    organization_id text CONSTRAINT organization_terms_pk PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    balance text NOT NULL DEFAULT 'postpaid' CONSTRAINT organization_terms_balance_known CHECK (balance IN ('postpaid', 'prepaid')),
    markup_millionths integer NOT NULL DEFAULT 0
      CONSTRAINT organization_terms_markup_bounds CHECK (markup_millionths BETWEEN 0 AND 10000000)
  )`,
  ...tenantTableSql({ schema: 'billing', table: 'organization_terms', service: WRITTEN, allTenants: 'SELECT' }),
];

const BUDGETS = [
  // generation is the version of the terms from which on the budget counts what the ledger has.
  `CREATE TABLE billing.budget (
    organization_id text NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CONSTRAINT budget_kind_known CHECK (kind IN ('group', 'project')),
    owner_id uuid NOT NULL,
    cap_nano_usd bigint NOT NULL CONSTRAINT budget_cap_bounds CHECK (cap_nano_usd BETWEEN 0 AND ${AMOUNT_MAX}),
    credit_reset text NOT NULL CONSTRAINT budget_credit_reset_known CHECK (credit_reset IN ('never', 'daily', 'weekly', 'monthly')),
    generation bigint NOT NULL,
    raise_nano_usd bigint CONSTRAINT budget_raise_bounds CHECK (raise_nano_usd BETWEEN 0 AND ${AMOUNT_MAX}),
    raise_until timestamptz,
    created_at timestamptz NOT NULL,
    version integer NOT NULL,
    CONSTRAINT budget_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT budget_of_owner_unique UNIQUE (organization_id, kind, owner_id),
    CONSTRAINT budget_raise_whole CHECK ((raise_nano_usd IS NULL) = (raise_until IS NULL))
  )`,
  `CREATE INDEX budget_newest ON billing.budget (organization_id, created_at, id)`,
  ...tenantTableSql({ schema: 'billing', table: 'budget', service: `${WRITTEN}, DELETE`, allTenants: 'SELECT' }),
];

const GRANTS = [
  // expired is what of it lapsed, as the ledger has it. live: it stands in the organisation's snapshot. closed_at: it
  // will not change any more, because it is used up, or has expired and nothing of it is held. request_scope and
  // request_fingerprint are digests of the Idempotency-Key that it was given under, and of that request.
  `CREATE TABLE billing.grant (
    organization_id text NOT NULL,
    id uuid NOT NULL,
    amount_nano_usd bigint NOT NULL CONSTRAINT grant_amount_bounds CHECK (amount_nano_usd BETWEEN 1 AND ${AMOUNT_MAX}),
    expires_at timestamptz,
    description text CONSTRAINT grant_description_length CHECK (char_length(description) <= 1000),
    created_at timestamptz NOT NULL,
    expired_nano_usd bigint NOT NULL DEFAULT 0
      CONSTRAINT grant_expired_bounds CHECK (expired_nano_usd BETWEEN 0 AND amount_nano_usd),
    ended_by_hand boolean NOT NULL DEFAULT false,
    live boolean NOT NULL DEFAULT true,
    closed_at timestamptz,
    request_scope bytea,
    request_fingerprint bytea,
    CONSTRAINT grant_pk PRIMARY KEY (organization_id, id),
    CONSTRAINT grant_closed_is_not_live CHECK (closed_at IS NULL OR NOT live)
  )`,
  `CREATE INDEX grant_newest ON billing.grant (organization_id, created_at, id)`,
  `CREATE INDEX grant_by_request ON billing.grant (organization_id, request_scope) WHERE request_scope IS NOT NULL`,
  `CREATE INDEX grant_by_id ON billing.grant (id)`,
  `CREATE INDEX grant_open ON billing.grant (organization_id, id) WHERE closed_at IS NULL`,
  ...tenantTableSql({ schema: 'billing', table: 'grant', service: WRITTEN, allTenants: 'SELECT' }),
  `GRANT UPDATE (closed_at, ceiling_nano_usd) ON billing.account TO ${rolesOf('billing').service}`,
];

/** Credit that is agreed: grants, budgets, how an organisation pays, and the outbox that tells of changes. */
export class CreditTerms1797465600001 implements Migration {
  name = 'CreditTerms1797465600001';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TERMS, ...BUDGETS, ...GRANTS, ...newOutboxSql('billing')])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    await Promise.reject(new Error('what was given and agreed is not forgotten by a migration'));
  }
}
