import { grantAccountId, organizationAccountId } from '@tollgate/api-key';
import type { UsageRecorded } from '@tollgate/contracts';
import type { EntityManager } from 'typeorm';
import { readAccounts, type Budgets } from '../../store/accounts.js';
import { newAccount, type AccountState } from '../account.js';
import { binaryArray } from '../../store/binary-array.js';
import { HOLDS_STAND } from '../../store/gateway-instances.js';
import { readOrphans, withLoadedAccounts } from '../replace-orphans/orphan-store.js';
import { countedAtMs, countedForOwnersAtMs, ownersOf, type CountedCall } from './accounts-in-force.js';
import { readBooked, type BookedRow } from './conflicts.js';
import type { LedgerState } from './decide-booking.js';

/** Reads the ledger's state for these events. The caller has locked their organisations. */
export async function readLedger(manager: EntityManager, events: readonly UsageRecorded[]): Promise<LedgerState> {
  const requestIds = events.map((event) => event.requestId);
  const resolved = await readResolutions(manager, requestIds);
  const found = await readOrphans(
    manager,
    resolved.filter((row) => row.orphaned).map((row) => row.request_id),
  );
  const calls: readonly CountedCall[] = [...events, ...found];
  const charged = found.flatMap(({ charges }) => charges.map(({ accountId }) => accountId));
  const accounts = await readAccounts(manager, [...new Set([...calls.flatMap(accountsOf), ...charged])], {
    apiKeyIds: [...new Set(events.map(({ apiKeyId }) => apiKeyId))],
    budgets: budgetsOf(calls),
    sinceMs: calls.reduce((first, call) => Math.min(first, countedAtMs(call), countedForOwnersAtMs(call)), Infinity),
  });
  for (const [accountId, state] of await readLapsed(manager, grantsOf(events, accounts)))
    accounts.set(accountId, state);
  const orphans = await withLoadedAccounts(manager, found, accounts);
  return {
    accounts,
    orphans: new Map(orphans.map((orphan) => [orphan.requestId, orphan])),
    booked: new Set(resolved.filter((row) => row.booked).map((row) => row.request_id)),
    bookedInShort: await readBookedInShort(manager, resolved, events),
    voided: new Set(resolved.filter((row) => !row.booked).map((row) => row.request_id)),
    liveJournals: await readLiveJournals(manager),
  };
}

/** Nearly always there are none: version 1 is what releases before have written. */
async function readBookedInShort(
  manager: EntityManager,
  resolved: readonly Resolution[],
  events: readonly UsageRecorded[],
): Promise<ReadonlyMap<string, BookedRow>> {
  const inShort = resolved.filter((row) => row.in_short);
  if (inShort.length === 0) return new Map();
  const told = new Set(events.flatMap((event) => (event.eventVersion === 2 ? [event.requestId.toLowerCase()] : [])));
  const ids = inShort.flatMap(({ request_id: id }) => (told.has(id) ? [id] : []));
  const rows = ids.length === 0 ? [] : await readBooked(manager, ids);
  return new Map(rows.map((row) => [row['request_id'] as string, row]));
}

/** The accounts that an event names, and its organisation's: an event of before that had a limit does not name it. */
const accountsOf = ({ organizationId, accounts }: CountedCall): string[] => [
  ...accounts.map(({ accountId }) => accountId),
  organizationAccountId(organizationId),
];

/** The groups and projects whose budgets count these calls, each once. */
function budgetsOf(calls: readonly CountedCall[]): Budgets {
  const budgets = new Map<string, Budgets[number]>();
  for (const call of calls)
    for (const { kind, ownerId } of ownersOf(call))
      budgets.set(JSON.stringify([call.organizationId, kind, ownerId]), {
        organizationId: call.organizationId,
        kind,
        ownerId,
      });
  return [...budgets.values()];
}

/** The ids of the grants that events name and to which nothing was charged yet. */
function grantsOf(events: readonly UsageRecorded[], known: ReadonlyMap<string, AccountState>): string[] {
  const ids = new Set<string>();
  for (const { accounts } of events)
    for (const { accountId } of accounts) {
      const id = accountId.startsWith(GRANT) ? accountId.slice(GRANT.length) : '';
      if (UUID.test(id) && !known.has(accountId)) ids.add(id);
    }
  return [...ids];
}

const GRANT = 'grant:';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Accounts of grants of which something lapsed before anything was charged to them. Index: grant_by_id. */
async function readLapsed(manager: EntityManager, ids: readonly string[]): Promise<[string, AccountState][]> {
  if (ids.length === 0) return [];
  const rows: { id: string; organization_id: string; amount: string; unlapsed: string }[] = await manager.query(
    `SELECT id, organization_id, amount_nano_usd AS amount, amount_nano_usd - expired_nano_usd AS unlapsed
     FROM billing.grant WHERE id = ANY($1::uuid[]) AND expired_nano_usd > 0`,
    [ids],
  );
  return rows.map((row) => {
    const state = newAccount(grantAccountId(row.id), row.organization_id, null);
    return [grantAccountId(row.id), { ...state, capNanoUsd: BigInt(row.amount), ceilingNanoUsd: BigInt(row.unlapsed) }];
  });
}

interface Resolution {
  readonly request_id: string;
  readonly booked: boolean;
  readonly in_short: boolean;
  readonly orphaned: boolean;
}

/**
 * Each request is looked up by itself: so the database reads only the partition that its event would be in, and never
 * all transfers. Of these, two indexes serve; the database takes either. Indexes: usage_event_pk, usage_event_facts_pk.
 */
async function readResolutions(manager: EntityManager, requestIds: readonly string[]): Promise<Resolution[]> {
  return manager.query(
    `SELECT asked.request_id, true AS booked, in_short, orphaned FROM unnest($1::uuid[]) AS asked (request_id) CROSS JOIN LATERAL (
         SELECT text_input_tokens IS NULL AND NOT EXISTS (
           SELECT FROM billing.usage_event_facts AS facts WHERE facts.request_id = event.request_id) AS in_short,
           outcome = 'orphaned' AS orphaned
         FROM billing.usage_event AS event WHERE event.request_id = asked.request_id LIMIT 1) AS event
     UNION ALL SELECT asked.request_id, false, false, false FROM unnest($1::uuid[]) AS asked (request_id) CROSS JOIN LATERAL (
         SELECT FROM billing.transfer WHERE kind = 'void' AND transfer.request_id = asked.request_id LIMIT 1) AS voided`,
    [binaryArray('uuid', requestIds)],
  );
}

/** Also those of processes that are gone whose holds stand: their finals are settled as if they were running. */
async function readLiveJournals(manager: EntityManager): Promise<Set<string>> {
  const rows: { journal_id: string }[] = await manager.query(
    `SELECT journal_id FROM billing.gateway_instance WHERE ${HOLDS_STAND}`,
  );
  return new Set(rows.map((row) => row.journal_id));
}
