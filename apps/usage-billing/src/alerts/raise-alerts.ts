import { randomUUID } from 'node:crypto';
import { CREDIT_THRESHOLD_CROSSED_V1, type CreditThresholdCrossedV1 } from '@tollgate/contracts';
import { Outbox, type OutboxEntry } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { addDeliveries } from '../webhooks/deliver-webhooks/delivery-store.js';
import { DEFAULT_ALERT_SETTINGS, readAlertSettings } from './alert-settings.js';
import { noticeOf, type Alert, type ThresholdAlert } from './alert.js';
import type { AccountState } from '../ledger/account.js';
import { balanceChanges } from './balance/balances.js';
import {
  levelChanges,
  levelOf,
  together,
  type ArmedAgain,
  type Crossing,
  type Level,
  type LevelChanges,
} from './credit-level.js';

/** Outbox effect: the people whom an alert goes to are found, and their mails written. The payload is an alert's id. */
export const MAIL_ALERT = 'mail-alert';

const outbox = new Outbox('billing');

/**
 * Writes what a change of accounts means for their alerts, in the caller's transaction across organisations, which
 * makes that change: so a level is crossed once, whoever books, and nobody is told of what is rolled back. The caller
 * has locked the organisations.
 */
export async function raiseAlerts(manager: EntityManager, changes: LevelChanges, now: Date): Promise<void> {
  if (changes.armedAgain.length > 0) await armAgain(manager, changes.armedAgain, now);
  if (changes.crossings.length === 0) return;
  const settings = await readAlertSettings(manager, [
    ...new Set(changes.crossings.map(({ organizationId }) => organizationId)),
  ]);
  const rows = changes.crossings.flatMap((crossing) =>
    rowsOf(crossing, (settings.get(crossing.organizationId) ?? DEFAULT_ALERT_SETTINGS).levels, now),
  );
  if (rows.length === 0) return;
  const written = await insertThresholds(manager, rows);
  await tell(
    manager,
    rows.filter(({ alert, told }) => told && written.has(alert.id)).map(({ alert }) => alert),
    now,
  );
}

/**
 * The same for a booking that changes accounts, with the balances of the organisations of which it charges grants.
 */
export async function raiseAlertsOf(
  manager: EntityManager,
  before: ReadonlyMap<string, AccountState>,
  after: ReadonlyMap<string, AccountState>,
  now: Date,
): Promise<void> {
  const changes = [levelChanges(before, after), await balanceChanges(manager, before, after, now)];
  await raiseAlerts(manager, together(changes), now);
}

/** Hands new alerts to webhooks, to the bus and to those who write mails. */
export async function tell(manager: EntityManager, alerts: readonly Alert[], now: Date): Promise<void> {
  if (alerts.length === 0) return;
  await addDeliveries(manager, alerts.map(noticeOf), now);
  await outbox.add(manager, ...alerts.flatMap(entriesOf));
}

interface ThresholdRow {
  readonly alert: ThresholdAlert;
  readonly told: boolean;
}

/**
 * A row for each level that is told of and that the crossing has reached; people are told of the highest. A refusal is
 * 100 %, but it passes no level that what is posted has not reached: one call that asks for too much would otherwise
 * silence the warnings of 80 and 90 %.
 */
function rowsOf(crossing: Crossing, levels: readonly Level[], now: Date): ThresholdRow[] {
  const passed = crossing.reason === 'posted' ? crossing.level : levelOf(crossing.usedNanoUsd, crossing.limitNanoUsd);
  const reached = levels.filter((level) => level <= passed || level === crossing.level);
  const highest = Math.max(...reached);
  return reached.map((level) => ({
    alert: { kind: 'credit_threshold', ...crossing, level, id: randomUUID(), raisedAt: now },
    told: level === highest,
  }));
}

/** Resolves with the ids of those that were not there yet. Index: alert_level_once. */
async function insertThresholds(manager: EntityManager, rows: readonly ThresholdRow[]): Promise<Set<string>> {
  const sorted = rows.toSorted((one, other) => (one.alert.accountId < other.alert.accountId ? -1 : 1));
  const inserted = await manager.query<{ id: string }[]>(
    `INSERT INTO billing.alert (organization_id, id, kind, account_id, api_key_id, level, reason, used_nano_usd, limit_nano_usd,
       told, raised_at, asked_nano_usd, left_nano_usd)
     SELECT organization_id, id, 'credit_threshold', account_id, api_key_id, level, reason, used, cap, told, $10, asked, room
     FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::bigint[], $8::bigint[], $9::boolean[],
       $11::bigint[], $12::bigint[])
       AS a (organization_id, id, account_id, api_key_id, level, reason, used, cap, told, asked, room)
     ON CONFLICT (account_id, level) WHERE kind = 'credit_threshold' AND armed_again_at IS NULL DO NOTHING RETURNING id`,
    [
      sorted.map(({ alert }) => alert.organizationId),
      sorted.map(({ alert }) => alert.id),
      sorted.map(({ alert }) => alert.accountId),
      sorted.map(({ alert }) => alert.apiKeyId),
      sorted.map(({ alert }) => alert.level),
      sorted.map(({ alert }) => alert.reason),
      sorted.map(({ alert }) => alert.usedNanoUsd.toString()),
      sorted.map(({ alert }) => alert.limitNanoUsd.toString()),
      sorted.map(({ told }) => told),
      sorted[0]?.alert.raisedAt,
      sorted.map(({ alert }) => alert.refusedCall?.askedNanoUsd.toString() ?? null),
      sorted.map(({ alert }) => alert.refusedCall?.leftNanoUsd?.toString() ?? null),
    ],
  );
  return new Set(inserted.map(({ id }) => id));
}

/** Lets levels of accounts be told of once more. Index: alert_level_once. */
export async function armAgain(manager: EntityManager, accounts: readonly ArmedAgain[], now: Date): Promise<void> {
  await manager.query(
    `UPDATE billing.alert AS a SET armed_again_at = $3
     FROM unnest($1::text[], $2::smallint[], $4::bigint[]) AS armed (account_id, level, below)
     WHERE a.account_id = armed.account_id AND a.level > armed.level AND a.kind = 'credit_threshold' AND a.armed_again_at IS NULL
       AND (armed.below IS NULL OR a.limit_nano_usd < armed.below)`,
    [
      accounts.map(({ accountId }) => accountId),
      accounts.map(({ level }) => level),
      now,
      accounts.map(({ belowNanoUsd }) => belowNanoUsd?.toString() ?? null),
    ],
  );
}

function entriesOf(alert: Alert): OutboxEntry[] {
  const mail: OutboxEntry = { effect: MAIL_ALERT, key: alert.id, payload: alert.id };
  if (alert.kind === 'unusual_spend') return [mail];
  const event: CreditThresholdCrossedV1 = {
    eventVersion: 1,
    organizationId: alert.organizationId,
    accountId: alert.accountId,
    apiKeyId: alert.apiKeyId,
    level: alert.level,
    postedNanoUsd: alert.usedNanoUsd.toString(),
    capNanoUsd: alert.limitNanoUsd.toString(),
    crossedAt: alert.raisedAt.toISOString(),
  };
  return [mail, { effect: CREDIT_THRESHOLD_CROSSED_V1, key: alert.accountId, payload: JSON.stringify(event) }];
}
