import { organizationAccountId } from '@tollgate/api-key';
import type { UsageRecorded } from '@tollgate/contracts';
import type { EntityManager } from 'typeorm';
import { readAccounts, type Budgets } from '../../store/accounts.js';
import { countedAtMs, countedForOwnersAtMs, ownersOf } from './accounts-in-force.js';
import type { LedgerState } from './decide-booking.js';

/** Reads the ledger's state for these events. The caller has locked their organisations. */
export async function readLedger(manager: EntityManager, events: readonly UsageRecorded[]): Promise<LedgerState> {
  const requestIds = events.map((event) => event.requestId);
  const resolved = await readResolutions(manager, requestIds);
  return {
    accounts: await readAccounts(manager, [...new Set(events.flatMap(accountsOf))], {
      apiKeyIds: [...new Set(events.map(({ apiKeyId }) => apiKeyId))],
      budgets: budgetsOf(events),
      sinceMs: events.reduce(
        (first, event) => Math.min(first, countedAtMs(event), countedForOwnersAtMs(event)),
        Infinity,
      ),
    }),
    booked: new Set(resolved.filter((row) => row.booked).map((row) => row.request_id)),
    bookedInShort: new Set(resolved.filter((row) => row.in_short).map((row) => row.request_id)),
    voided: new Set(resolved.filter((row) => !row.booked).map((row) => row.request_id)),
    liveJournals: await readLiveJournals(manager),
  };
}

/** The accounts that an event names, and its organisation's: an event of before that had a limit does not name it. */
const accountsOf = ({ organizationId, accounts }: UsageRecorded): string[] => [
  ...accounts.map(({ accountId }) => accountId),
  organizationAccountId(organizationId),
];

/** The groups and projects whose budgets count these events, each once. */
function budgetsOf(events: readonly UsageRecorded[]): Budgets {
  const budgets = new Map<string, Budgets[number]>();
  for (const event of events)
    for (const { kind, ownerId } of ownersOf(event))
      budgets.set(JSON.stringify([event.organizationId, kind, ownerId]), {
        organizationId: event.organizationId,
        kind,
        ownerId,
      });
  return [...budgets.values()];
}

// Indexes: usage_event_pk, usage_event_facts_pk. Two of those of transfers serve; the database takes either.
async function readResolutions(
  manager: EntityManager,
  requestIds: readonly string[],
): Promise<{ request_id: string; booked: boolean; in_short: boolean }[]> {
  return manager.query(
    `SELECT request_id, true AS booked, text_input_tokens IS NULL AND NOT EXISTS (
         SELECT FROM billing.usage_event_facts AS facts WHERE facts.request_id = event.request_id) AS in_short
     FROM billing.usage_event AS event WHERE request_id = ANY($1::uuid[])
     UNION ALL SELECT DISTINCT request_id, false, false FROM billing.transfer WHERE kind = 'void' AND request_id = ANY($1::uuid[])`,
    [requestIds],
  );
}

async function readLiveJournals(manager: EntityManager): Promise<Set<string>> {
  const rows: { journal_id: string }[] = await manager.query(
    'SELECT journal_id FROM billing.gateway_instance WHERE gone_at IS NULL',
  );
  return new Set(rows.map((row) => row.journal_id));
}
