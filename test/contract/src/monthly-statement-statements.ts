import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import {
  AccountBalances,
  EndOrganizations,
  IssueStatements,
  OrganizationEndStore,
  ProviderReportStore,
  ReadStatements,
  StatementFacts,
  StatementStore,
  statementCycle,
} from '@tollgate/usage-billing';
import { createLogger } from '@tollgate/telemetry';
import { auditRecords } from './billing-fixture.js';

/** An organisation with usage, among many others. */
const STATED = 'stated';

/** Rows from which the planner chooses by statistics. */
export const STATEMENT_SEEDS = [
  `INSERT INTO billing.organization_end (organization_id, requested_at, exported_at, erased_at)
   SELECT 'other ' || n, now() - n * interval '1 day', now(), now() FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.usage_dimension (dimension_id, organization_id, grain, outcome, model, provider, api_key_id)
   SELECT md5(n || grain)::uuid, CASE n % 50 WHEN 0 THEN '${STATED}' ELSE 'other ' || n / 1000 END, grain, 'completed', 'm' || n % 5,
     'openai', CASE grain WHEN 'full' THEN 'key ' || n END
   FROM generate_series(1, 5000) AS n CROSS JOIN unnest('{full,models}'::text[]) AS grain`,
  ...['day', 'month'].map(
    (unit) =>
      `INSERT INTO billing.usage_${unit} (dimension_id, at, organization_id, requests, input_tokens, output_tokens, cost_nano_usd, charge_nano_usd)
       SELECT dimension_id, '2026-10-01Z', organization_id, 1, 1, 1, 1, 1 FROM billing.usage_dimension`,
  ),
  `INSERT INTO billing.statement (organization_id, cycle, revision, requests, usage_nano_usd, fees_nano_usd, content)
   SELECT 'elsewhere ' || n, '2026-10-01', 1, 0, 0, 0, '{}' FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.account_usage_month SELECT 'other ' || n, 'grant:' || n, '2026-10-01', 1 FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.provider_report (report_id, provider, format, digest, first_day, last_day, rows)
   SELECT gen_random_uuid(), 'openai', 'csv', sha256(n::text::bytea), '2026-10-01', '2026-10-01', '[]' FROM generate_series(1, 2000) AS n`,
];

/** Calls every method about statements and reports that queries the database. */
export async function useStatements({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'billing');
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const balances = new AccountBalances(database, { balances: () => Promise.resolve(new Map()) }, logger);
  const [facts, store] = [new StatementFacts(database, balances, null), new StatementStore(database)];
  const read = new ReadStatements(database, store, facts);
  const now = Date.parse('2026-11-02T00:00:00Z');
  await read.list(STATED, now);
  await read.find(STATED, statementCycle('2026-10')!, null, now);
  await new IssueStatements(database, facts, store, logger).issue(now);
  const ends = new OrganizationEndStore(database);
  await ends.request(STATED, new Date());
  await ends.stillBilled();
  await new EndOrganizations(ends, { rest: () => Promise.resolve() }, logger).run(new Date(Date.now() + 7_200_000));
  await ends.list(10, ['2026-11-02T00:00:00.000000Z', STATED]);
  await ends.content(STATED);
  const reports = new ProviderReportStore(database, auditRecords(database));
  const days = { firstDay: '2026-10-01', lastDay: '2026-10-31' };
  const id = await reports.import(
    { id: randomUUID(), provider: 'openai', format: 'csv', rows: [], ...days },
    Buffer.alloc(32),
    NOBODY,
  );
  await reports.find(id);
  await reports.list(10, ['2026-11-02T00:00:00.000000Z', id]);
  await reports.ledgerUsage('openai', days.firstDay, days.lastDay);
}
