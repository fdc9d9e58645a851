import { Inject, Injectable } from '@nestjs/common';
import type { BusBatch, BusDelivery } from '@tollgate/bus';
import { asLedgerText, callsRefusedV1 } from '@tollgate/contracts';
import { ServiceDatabase } from '@tollgate/postgres';
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

/** A minute that is further ahead than any clock: it must not become a row of the year 9999. */
const AHEAD_MS_MAX = 3_600_000;

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
    await this.database.acrossOrganizations(async (manager) => {
      await lockOrganizations(manager, [...new Set(sums.map(({ organizationId }) => organizationId))]);
      const column = (of: (sum: RefusedSum) => unknown): unknown[] => sums.map(of);
      if (sums.length > 0)
        await manager.query(STORE, [
          column((sum) => sum.organizationId),
          column((sum) => sum.at),
          column((sum) => sum.apiKeyId),
          column((sum) => sum.code),
          column((sum) => sum.instanceId),
          column((sum) => sum.calls),
        ]);
      await advanceOffset(manager, batch.topic, batch.partition, last.offset + 1n);
    });
  }

  /** What cannot be read is passed over: nothing is owed by it. */
  private read({ value }: BusDelivery): RefusedSum[] {
    const parsed = callsRefusedV1.safeParse(jsonOf(value));
    if (!parsed.success || Date.parse(parsed.data.minute) > Date.now() + AHEAD_MS_MAX) {
      this.logger.warn('a message about refused calls cannot be read and is passed over');
      return [];
    }
    const { organizationId, instanceId, minute, refusals } = parsed.data;
    const at = new Date(Math.floor(Date.parse(minute) / 60_000) * 60_000).toISOString();
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
