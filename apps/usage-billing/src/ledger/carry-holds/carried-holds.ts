import { Injectable } from '@nestjs/common';
import type { CarriedHold } from '@tollgate/credit';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';

/** A hold that is carried, as the ledger has it until the call is booked. */
export interface KeptHold extends CarriedHold {
  readonly organizationId: string;
  readonly apiKeyId: string;
  /** Since when admission has no hold of the call, although it is not booked; null while it has one. */
  readonly goneSince: Date | null;
  /** Whether the call is booked, so that the account counts its charge, or was given up with its gateway. */
  readonly isOver: boolean;
}

interface KeptRow {
  organization_id: string;
  request_id: string;
  account_id: string;
  api_key_id: string;
  amount_nano_usd: string;
  gone_since: Date | null;
  over: boolean;
}

const KEPT = `SELECT c.organization_id, c.request_id, c.account_id, c.api_key_id, c.amount_nano_usd, c.gone_since,
    EXISTS (SELECT FROM billing.usage_event AS e WHERE e.request_id = c.request_id)
      OR EXISTS (SELECT FROM billing.transfer AS t WHERE t.request_id = c.request_id AND t.kind = 'void') AS over
  FROM billing.carried_hold AS c`;

const ALL = `${KEPT} ORDER BY c.organization_id, c.request_id LIMIT $1`;

/** Indexes: carried_hold_pk, usage_event_pk, transfer_one_resolution. */
const OF_ACCOUNT = `${KEPT} WHERE c.organization_id = $1 AND c.account_id = $2`;

/** Index: usage_event_pk. */
const KEEP = `INSERT INTO billing.carried_hold (organization_id, request_id, account_id, api_key_id, amount_nano_usd)
  SELECT $1, request_id, $2, api_key_id, amount FROM unnest($3::uuid[], $4::text[], $5::bigint[]) AS given (request_id, api_key_id, amount)
  WHERE NOT EXISTS (SELECT FROM billing.usage_event AS e WHERE e.request_id = given.request_id)
  ON CONFLICT DO NOTHING`;

/** Index: carried_hold_pk. */
const FORGET = `DELETE FROM billing.carried_hold AS c USING unnest($2::uuid[], $3::text[]) AS given (request_id, account_id)
  WHERE c.organization_id = $1 AND c.request_id = given.request_id AND c.account_id = given.account_id`;

/** Index: carried_hold_pk. */
const GONE = `UPDATE billing.carried_hold AS c SET gone_since = $4 FROM unnest($2::uuid[], $3::text[]) AS given (request_id, account_id)
  WHERE c.organization_id = $1 AND c.request_id = given.request_id AND c.account_id = given.account_id`;

/** A process reads so many at once; the rest follows. */
const READ_MAX = 1_000;

/**
 * The calls that count on another account than the one that they hold credit on, until they are booked: the limit began
 * to reset in another way while they were under way.
 */
@Injectable()
export class CarriedHolds {
  constructor(private readonly database: ServiceDatabase) {}

  /** Those of all organisations, some at a time. */
  async all(): Promise<readonly KeptHold[]> {
    const rows = await this.database.acrossOrganizations((manager) => manager.query<KeptRow[]>(ALL, [READ_MAX]));
    return rows.map(keptHoldOf);
  }

  async forget(organizationId: string, holds: readonly CarriedHold[]): Promise<void> {
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(FORGET, [organizationId, ...columnsOf(holds)]),
    );
  }

  /** Notes since when admission has no hold of these calls; null that it has one again. */
  async gone(organizationId: string, holds: readonly CarriedHold[], since: Date | null): Promise<void> {
    await this.database.inOrganization(organizationId, (manager) =>
      manager.query(GONE, [organizationId, ...columnsOf(holds), since]),
    );
  }
}

/**
 * Keeps the calls of an account, in the transaction that loads it and under the organisation's lock: what is booked by
 * then is in the sum. Resolves with all of the account that are under way.
 */
export async function keepCarried(
  manager: EntityManager,
  { organizationId, accountId }: { readonly organizationId: string; readonly accountId: string },
  holds: readonly { readonly requestId: string; readonly apiKeyId: string; readonly amountNanoUsd: bigint }[],
): Promise<readonly KeptHold[]> {
  if (holds.length > 0)
    await manager.query(KEEP, [
      organizationId,
      accountId,
      holds.map(({ requestId }) => requestId),
      holds.map(({ apiKeyId }) => apiKeyId),
      holds.map(({ amountNanoUsd }) => amountNanoUsd.toString()),
    ]);
  const rows = await manager.query<KeptRow[]>(OF_ACCOUNT, [organizationId, accountId]);
  return rows.map(keptHoldOf).filter(({ isOver }) => !isOver);
}

const columnsOf = (holds: readonly CarriedHold[]) => [
  holds.map(({ requestId }) => requestId),
  holds.map(({ accountId }) => accountId),
];

const keptHoldOf = (row: KeptRow): KeptHold => ({
  organizationId: row.organization_id,
  requestId: row.request_id,
  accountId: row.account_id,
  apiKeyId: row.api_key_id,
  amountNanoUsd: BigInt(row.amount_nano_usd),
  goneSince: row.gone_since,
  isOver: row.over,
});
