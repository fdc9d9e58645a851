import { Inject, Injectable } from '@nestjs/common';
import type { BusBatch, BusDelivery } from '@tollgate/bus';
import { asLedgerText, callsRefusedV1 } from '@tollgate/contracts';
import { CLOCKS_APART_MS_MAX } from '@tollgate/credit';
import { ServiceDatabase, storeInHalves } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { advanceOffset } from '../../store/consumer-offsets.js';
import { lockOrganizations } from '../../store/organization-lock.js';

/** The sum of one process of a gateway, of one minute, key and code. */
interface RefusedSum {
  readonly organizationId: string;
  readonly at: string;
  readonly apiKeyId: string;
  readonly code: string;
  readonly instanceId: string;
  readonly calls: number;
}

/** No call was before it. */
const FIRST_MINUTE_MS = Date.UTC(2000, 0, 1);
/** The most that one process can refuse in a minute: sums of a year of a thousand processes still fit. */
const CALLS_MAX = 1_000_000_000;

/**
 * Stores how many calls gateways refused. A sum may come twice and after a later one: the highest counts, and what it
 * adds to the one that is known is added to its quarter-hour and its day. Indexes: refused_minute_pk,
 * refused_quarter_pk, refused_day_pk.
 */
const STORE = `
  WITH given AS (
    SELECT organization_id, at, api_key_id, code, instance_id, max(calls) AS calls
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bigint[])
      AS told (organization_id, at, api_key_id, code, instance_id, calls)
    GROUP BY 1, 2, 3, 4, 5),
  added AS MATERIALIZED (
    SELECT given.*, given.calls - coalesce(known.calls, 0) AS more
    FROM given LEFT JOIN billing.refused_minute AS known USING (organization_id, at, api_key_id, code, instance_id)
    WHERE given.calls > coalesce(known.calls, 0)),
  of_minutes AS (
    INSERT INTO billing.refused_minute (organization_id, at, api_key_id, code, instance_id, calls)
    SELECT organization_id, at, api_key_id, code, instance_id, calls FROM added
    ON CONFLICT (organization_id, at, api_key_id, code, instance_id) DO UPDATE SET calls = EXCLUDED.calls),
  of_quarters AS (
    INSERT INTO billing.refused_quarter AS known (organization_id, at, api_key_id, code, calls)
    SELECT organization_id, date_bin('15 minutes', at, '2000-01-01Z'), api_key_id, code, sum(more) FROM added GROUP BY 1, 2, 3, 4
    ON CONFLICT (organization_id, at, api_key_id, code) DO UPDATE SET calls = known.calls + EXCLUDED.calls)
  INSERT INTO billing.refused_day AS known (organization_id, at, api_key_id, code, calls)
  SELECT organization_id, date_bin('1 day', at, '2000-01-01Z'), api_key_id, code, sum(more) FROM added GROUP BY 1, 2, 3, 4
  ON CONFLICT (organization_id, at, api_key_id, code) DO UPDATE SET calls = known.calls + EXCLUDED.calls`;

/** Stores the messages of `calls.refused.v1`. */
@Injectable()
export class StoreRefusedCalls {
  constructor(
    private readonly database: ServiceDatabase,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Rejects if the database cannot be reached: then the bus must deliver the batch again. */
  async store(batch: BusBatch): Promise<void> {
    const last = batch.messages.at(-1);
    if (last === undefined) return;
    const sums = batch.messages.flatMap((delivery) => this.read(delivery));
    await storeInHalves(
      sums,
      (some) => this.add(some),
      (_sum, fault) => this.logger.error({ topic: batch.topic, fault }, 'a sum of refused calls was passed over'),
    );
    // A sum that comes again changes nothing, so the offset need not be in the same transaction.
    await this.database.acrossOrganizations((manager) =>
      advanceOffset(manager, batch.topic, batch.partition, last.offset + 1n),
    );
  }

  private async add(sums: readonly RefusedSum[]): Promise<void> {
    const column = (of: (sum: RefusedSum) => unknown): unknown[] => sums.map(of);
    await this.database.acrossOrganizations(async (manager) => {
      await lockOrganizations(manager, [...new Set(sums.map(({ organizationId }) => organizationId))]);
      await manager.query(STORE, [
        column((sum) => sum.organizationId),
        column((sum) => sum.at),
        column((sum) => sum.apiKeyId),
        column((sum) => sum.code),
        column((sum) => sum.instanceId),
        column((sum) => sum.calls),
      ]);
    });
  }

  /** What cannot be read is passed over: nothing is owed by it. */
  private read({ value }: BusDelivery): RefusedSum[] {
    const parsed = callsRefusedV1.safeParse(jsonOf(value));
    const ms = Date.parse(parsed.data?.minute ?? '');
    const isPossible = ms >= FIRST_MINUTE_MS && ms <= Date.now() + CLOCKS_APART_MS_MAX;
    if (!parsed.success || !isPossible || parsed.data.refusals.some(({ calls }) => calls > CALLS_MAX)) {
      this.logger.warn('a message about refused calls cannot be read and is passed over');
      return [];
    }
    const { organizationId, instanceId, refusals } = parsed.data;
    const at = new Date(Math.floor(ms / 60_000) * 60_000).toISOString();
    return refusals.map(({ apiKeyId, code, calls }) => ({
      organizationId: asLedgerText(organizationId),
      at,
      apiKeyId: asLedgerText(apiKeyId),
      code: asLedgerText(code),
      instanceId: asLedgerText(instanceId),
      calls,
    }));
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
