import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@tollgate/infra';
import { Client } from 'pg';
import { BenchFailed } from './bench-failed.js';
import type { Deployment } from './deployment.js';
import { sortedIds } from './request-ids.js';

/** What the books say at the end of a run. */
export interface Books {
  /** Requests that the upstream saw with a request id: all of the gateway's. */
  readonly atUpstream: number;
  readonly booked: number;
  /** Booked events by how their requests ended. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Seconds that the ledger took to catch up after the last request. */
  readonly caughtUpSeconds: number;
  /** Accounts that were compared, in admission and in the ledger. */
  readonly accounts: number;
}

/** The ledger has stopped when it books nothing for this long. */
const STANDSTILL_MS = 30_000;
const ORGANIZATION = 'default';
const IDS_IN_PAGE = 100_000;

/**
 * Waits for a build's ledger and holds it against what the upstream saw of its gateway: every request has its event,
 * none was charged that the upstream did not see, nothing is held any more, and ledger and admission agree. Rejects
 * with BenchFailed.
 */
export async function checkBooks(deployment: Deployment): Promise<Books> {
  const startedAt = performance.now();
  const atUpstream = Number(await (await fetch(`${deployment.upstreamUrl}/request-ids/count`)).text());
  const client = new Client({ connectionString: deployment.databaseUrl });
  await client.connect();
  try {
    await untilBooked(client, atUpstream);
    const caughtUpSeconds = (performance.now() - startedAt) / 1_000;
    const seen = sortedIds(Buffer.from(await (await fetch(`${deployment.upstreamUrl}/request-ids`)).arrayBuffer()));
    const events = await compareIds(client, seen);
    const [outcomes, accounts] = [await expectedOutcomes(client), await accountsAtRest(deployment)];
    return { atUpstream, booked: events, outcomes, caughtUpSeconds, accounts };
  } finally {
    await client.end();
  }
}

async function untilBooked(client: Client, wanted: number): Promise<void> {
  let [booked, since] = [-1, performance.now()];
  for (;;) {
    const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM billing.usage_event');
    const now = Number(rows[0]!.count);
    if (now >= wanted) return;
    if (now !== booked) [booked, since] = [now, performance.now()];
    if (performance.now() - since > STANDSTILL_MS)
      throw new BenchFailed(`the upstream saw ${wanted} requests, and the ledger stands still at ${now} events`);
    await delay(500);
  }
}

/** Both sides in order, page by page. Returns the number of events. */
async function compareIds(client: Client, seen: readonly string[]): Promise<number> {
  const twice = seen.filter((id, n) => id === seen[n - 1]);
  if (twice.length > 0) throw new BenchFailed(`the upstream saw ${twice.length} requests twice, the first ${twice[0]}`);
  const missing: string[] = [];
  const chargedForNothing: string[] = [];
  let [at, events, after] = [0, 0, '00000000-0000-0000-0000-000000000000'];
  for (;;) {
    const { rows } = await client.query<{ request_id: string; charged: boolean }>(
      'SELECT request_id, charge_nano_usd > 0 AS charged FROM billing.usage_event WHERE request_id > $1 ORDER BY request_id LIMIT $2',
      [after, IDS_IN_PAGE],
    );
    if (rows.length === 0) break;
    for (const { request_id: id, charged } of rows) {
      while (at < seen.length && seen[at]! < id) missing.push(seen[at++]!);
      if (seen[at] === id) at += 1;
      else if (charged) chargedForNothing.push(id);
    }
    events += rows.length;
    after = rows.at(-1)!.request_id;
  }
  missing.push(...seen.slice(at));
  if (missing.length > 0)
    throw new BenchFailed(`${missing.length} requests that the upstream saw have no event, the first ${missing[0]}`);
  if (chargedForNothing.length > 0)
    throw new BenchFailed(
      `${chargedForNothing.length} events are charged that the upstream never saw, the first ${chargedForNothing[0]}`,
    );
  return events;
}

/**
 * The load generator leaves with requests under way when its window ends; otherwise every call must have been
 * completed.
 */
const EXPECTED_OUTCOMES: ReadonlySet<string> = new Set(['completed', 'client_left']);

async function expectedOutcomes(client: Client): Promise<Record<string, number>> {
  const { rows } = await client.query<{ outcome: string; count: string }>(
    'SELECT outcome, count(*) FROM billing.usage_event GROUP BY outcome ORDER BY outcome',
  );
  const unexpected = rows.filter(({ outcome }) => !EXPECTED_OUTCOMES.has(outcome));
  if (unexpected.length > 0)
    throw new BenchFailed(
      `requests ended unexpectedly: ${unexpected.map(({ outcome, count }) => `${count} ${outcome}`).join(', ')}`,
    );
  return Object.fromEntries(rows.map(({ outcome, count }) => [outcome, Number(count)]));
}

interface Comparison {
  readonly accountId: string;
  readonly ledgerPostedNanoUsd: string;
  readonly transfersNanoUsd: string;
  readonly redisPostedNanoUsd: string | null;
  readonly heldNanoUsd: string;
}

async function accountsAtRest({ usageBillingUrl, serviceSecret }: Deployment): Promise<number> {
  let unsettled: Comparison[] = [];
  try {
    return await waitUntil(
      async () => {
        const reply = await fetch(`${usageBillingUrl}/internal/reconciliation?organization_id=${ORGANIZATION}`, {
          headers: { authorization: `Bearer ${serviceSecret}` },
        });
        const { accounts } = (await reply.json()) as { accounts: Comparison[] };
        unsettled = accounts.filter(
          (account) =>
            account.heldNanoUsd !== '0' ||
            account.redisPostedNanoUsd !== account.ledgerPostedNanoUsd ||
            account.transfersNanoUsd !== account.ledgerPostedNanoUsd,
        );
        return unsettled.length === 0 && accounts.length;
      },
      { what: 'nothing to be held, and both books to agree', timeoutMs: 30_000, intervalMs: 500 },
    );
  } catch (error) {
    if (unsettled.length === 0) throw error;
    const { accountId, heldNanoUsd, redisPostedNanoUsd, ledgerPostedNanoUsd } = unsettled[0]!;
    throw new BenchFailed(
      `${unsettled.length} accounts are not at rest, the first ${accountId}: held ${heldNanoUsd}, admission ${redisPostedNanoUsd}, ledger ${ledgerPostedNanoUsd}`,
      { cause: error },
    );
  }
}
