import { Injectable } from '@nestjs/common';
import { oneRow, ServiceDatabase } from '@tollgate/postgres';

/** Sums over the usage events of a period. Tokens are counts, the charge is in nano-USD. */
export interface UsageTotals {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly chargedNanoUsd: bigint;
}

/** The events to sum up. */
export interface UsagePeriod {
  readonly organizationId: string;
  /** Null means all keys of the organisation. */
  readonly apiKeyId: string | null;
  /** Counts requests that ended at or after this time; null means from the beginning. */
  readonly from: Date | null;
  /** Counts requests that ended before this time; null means no end. */
  readonly to: Date | null;
}

interface TotalsRow {
  requests: string;
  input_tokens: string;
  output_tokens: string;
  charged: string;
}

// Index: key_usage_by_organization.
const ALL_TIME = `
  SELECT coalesce(sum(requests), 0) AS requests, coalesce(sum(input_tokens), 0) AS input_tokens,
         coalesce(sum(output_tokens), 0) AS output_tokens, coalesce(sum(charge_nano_usd), 0) AS charged
  FROM billing.key_usage WHERE organization_id = $2 AND ($1::text IS NULL OR api_key_id = $1)`;

// Index: usage_event_by_key, for each key in question.
const IN_PERIOD = `
  SELECT count(*) AS requests, coalesce(sum(e.input_tokens), 0) AS input_tokens,
         coalesce(sum(e.output_tokens), 0) AS output_tokens, coalesce(sum(e.charge_nano_usd), 0) AS charged
  FROM billing.key_usage k JOIN billing.usage_event e ON e.api_key_id = k.api_key_id
  WHERE k.organization_id = $2 AND ($1::text IS NULL OR k.api_key_id = $1)
    AND e.ended_at >= coalesce($3::timestamptz, '-infinity') AND e.ended_at < coalesce($4::timestamptz, 'infinity')`;

@Injectable()
export class ReadUsage {
  constructor(private readonly database: ServiceDatabase) {}

  /** Sums of usage and charges from the ledger; zeros for a key that was never used. */
  async totals({ organizationId, apiKeyId, from, to }: UsagePeriod): Promise<UsageTotals> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      from === null && to === null
        ? manager.query<TotalsRow[]>(ALL_TIME, [apiKeyId, organizationId])
        : manager.query<TotalsRow[]>(IN_PERIOD, [apiKeyId, organizationId, from, to]),
    );
    const row = oneRow(rows);
    return {
      requests: Number(row.requests),
      inputTokens: Number(row.input_tokens),
      outputTokens: Number(row.output_tokens),
      chargedNanoUsd: BigInt(row.charged),
    };
  }
}
