import { randomUUID } from 'node:crypto';
import { NOBODY } from '@tollgate/auth';
import { ServiceDatabase, type Database } from '@tollgate/postgres';
import { createLogger } from '@tollgate/telemetry';
import {
  AlertMailStore,
  AlertSettingsStore,
  AlertStore,
  raiseAlerts,
  noteLimits,
  startBalance,
  WatchLimits,
  WatchRefusals,
  WatchSpending,
  type LevelChanges,
} from '@tollgate/usage-billing';
import { auditRecords } from './billing-fixture.js';

/** An organisation with many alerts, and keys that spent today. */
const ALERTED = randomUUID();

/** Rows from which the planner chooses by statistics. */
export const ALERT_SEEDS = [
  `INSERT INTO billing.watched_limit (organization_id, limit_id, version, cap_nano_usd, credit_reset, noted_at, look_at)
   SELECT 'alerted ' || n, 'key:' || n, 1, 100, 'never', now(), now() + n * interval '1 hour' FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.organization_terms (organization_id, balance) SELECT 'alerted ' || n, 'prepaid' FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.grant (organization_id, id, amount_nano_usd, expires_at, created_at)
   SELECT 'alerted ' || n, gen_random_uuid(), 100, now() + (n - 10) * interval '1 hour', now() FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.budget (organization_id, id, kind, owner_id, cap_nano_usd, credit_reset, generation, raise_nano_usd, raise_until,
     created_at, version, changed_at)
   SELECT 'alerted ' || n, gen_random_uuid(), 'group', gen_random_uuid(), 100, 'never', 1, 10, now() + (n - 10) * interval '1 hour', now(), 1,
     now() - n * interval '1 day' FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.alert_settings (organization_id) SELECT gen_random_uuid() FROM generate_series(1, 2000)`,
  `INSERT INTO billing.alert (organization_id, id, kind, account_id, level, reason, used_nano_usd, limit_nano_usd, told, raised_at)
   SELECT CASE n % 2 WHEN 0 THEN '${ALERTED}' ELSE gen_random_uuid()::text END, gen_random_uuid(), 'credit_threshold', 'key:' || n, 80,
     'posted', 80, 100, true, now() - n * interval '1 minute' FROM generate_series(1, 5000) AS n`,
  `INSERT INTO billing.alert (organization_id, id, kind, account_id, day, reason, used_nano_usd, limit_nano_usd, told, raised_at)
   SELECT '${ALERTED}', gen_random_uuid(), 'unusual_spend', 'key:' || n, '2026-11-28', 'spending', 80, 100, true, now()
   FROM generate_series(1, 2000) AS n`,
  `INSERT INTO billing.alert_mail (organization_id, id, alert_id, recipient, subject, body, created_at, sent_at)
   SELECT '${ALERTED}', gen_random_uuid(), gen_random_uuid(), 'a@example.com', 's', 'b', now(), CASE n % 100 WHEN 0 THEN NULL ELSE now() END
   FROM generate_series(1, 5000) AS n`,
  `INSERT INTO billing.key_usage_day (api_key_id, day, organization_id, requests, charge_nano_usd)
   SELECT 'dear ' || n % 500, '2026-11-29'::date - n / 500, '${ALERTED}', 1, CASE n / 500 WHEN 0 THEN 9000000000 ELSE 1 END
   FROM generate_series(0, 9999) AS n`,
];

/** Calls every method of alerts that queries the database. */
export async function useAlerts({ dataSource }: Database): Promise<void> {
  const database = new ServiceDatabase(dataSource, 'billing');
  const settings = new AlertSettingsStore(database, auditRecords(database));
  await settings.change(ALERTED, NOBODY, (before) => ({ ...before, emails: ['ada@example.org'] }));
  await settings.find(ALERTED);
  const account = { organizationId: ALERTED, accountId: `organization:${ALERTED}` };
  const changes: LevelChanges = {
    crossings: [
      {
        ...account,
        apiKeyId: null,
        level: 90,
        reason: 'posted',
        usedNanoUsd: 90n,
        limitNanoUsd: 100n,
        refusedCall: null,
      },
    ],
    armedAgain: [{ accountId: account.accountId, level: 0 }],
  };
  await database.acrossOrganizations((manager) => raiseAlerts(manager, changes, new Date()));
  const alerts = new AlertStore(database);
  const all = { kind: null, accountId: null, apiKeyId: null, level: null };
  const [first] = await alerts.list(ALERTED, 10, null, all);
  await alerts.list(ALERTED, 10, first!.position, all);
  await database.acrossOrganizations((manager) => alerts.findAll(manager, [first!.alert.id]));
  const mails = new AlertMailStore(database);
  await mails.owe(first!.alert, ['owner@example.com'], { subject: 's', text: 't' }, new Date());
  const due = await mails.take(1_000);
  await mails.retryIn(due!.id, 1_000);
  await mails.abandon(due!.id);
  await mails.sent(due!.id);
  await mails.waiting();
  const logger = createLogger({ service: 'contract', level: 'silent' });
  const marks = ['key:k', 'grants'].map((accountId) => ({
    ...{ accountId, terms: '9', capNanoUsd: accountId === 'grants' ? null : 9n, refusedAtMs: 0 },
    ...{ askedNanoUsd: 10n, leftNanoUsd: 9n },
  }));
  await database.inOrganization(ALERTED, (manager) => startBalance(manager, ALERTED, new Date()));
  const books = {
    untoldRefusals: () => Promise.resolve([{ organizationId: ALERTED, refusals: marks, read: [] }]),
    forgetTold: () => Promise.resolve(),
  };
  const relay = { wake: () => undefined };
  await new WatchRefusals(database, relay, books, logger).look(new Date());
  const limits = [
    { limitId: 'key:k', reset: 'monthly', anchorMs: null },
    { limitId: `organization:${ALERTED}`, reset: 'never', anchorMs: null },
    { limitId: 'payg:s', reset: 'subscription', anchorMs: Date.UTC(2026, 0, 31) },
  ] as const;
  const told = limits.map((limit) => ({ ...limit, organizationId: ALERTED, version: 1, capNanoUsd: 9n, raise: null }));
  await database.acrossOrganizations((manager) => noteLimits(manager, told, new Date(Date.now() - 5_000_000)));
  await new WatchLimits(database, { ...relay, does: () => undefined }, logger).look(new Date());
  await database.acrossOrganizations((manager) => noteLimits(manager, told, new Date()));
  await new WatchLimits(database, { ...relay, does: () => undefined }, logger).look(new Date());
  await new WatchSpending(database, logger).look(new Date('2026-11-29T12:00:00Z'));
}
