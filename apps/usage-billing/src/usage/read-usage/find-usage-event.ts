import { Injectable } from '@nestjs/common';
import { ServiceDatabase } from '@tollgate/postgres';

/** A booked usage event. Its kinds are plain strings, since a later release may have booked one we do not know. */
export interface BookedEvent {
  readonly requestId: string;
  readonly apiKeyId: string;
  readonly outcome: string;
  readonly route: string;
  readonly provider: string;
  readonly model: string;
  readonly stream: boolean;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
  readonly reasoningTokens: number;
  readonly usageSource: string;
  readonly costNanoUsd: bigint;
  readonly chargeNanoUsd: bigint;
  /** What is charged up to the hold, where that is not the cost: with a mark-up, or without attempts in vain. */
  readonly billableNanoUsd: bigint | null;
  /** Whether a part of what was used has no known price, and is not in the cost. */
  readonly unpriced: boolean;
  /** Null for a request without a credit limit. */
  readonly holdNanoUsd: bigint | null;
  readonly accounts: readonly { readonly accountId: string; readonly capNanoUsd: string | null }[];
  readonly priceVersion: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly bookedAt: Date;
  /** Empty if it is not known. */
  readonly clientAddress: string;
  /** What the cost is made of; null for an event of a release before. */
  readonly priceLines: readonly BookedLine[] | null;
}

/** One class of tokens, or calls of a tool, at its price. Its class is a plain string, as other kinds are. */
export interface BookedLine {
  readonly class: string;
  readonly model: string | null;
  readonly tool: string | null;
  readonly quantity: number;
  readonly nanoUsdPerMillion: string;
  readonly nanoUsd: string;
}

interface EventRow {
  request_id: string;
  api_key_id: string;
  outcome: string;
  route: string;
  provider: string;
  model: string;
  stream: boolean;
  input_tokens: string;
  output_tokens: string;
  cached_input_tokens: string;
  reasoning_tokens: string;
  usage_source: string;
  cost_nano_usd: string;
  charge_nano_usd: string;
  billable_nano_usd: string | null;
  unpriced: boolean | null;
  hold_nano_usd: string | null;
  accounts: { accountId: string; capNanoUsd: string | null }[];
  price_version: string;
  started_at: Date;
  ended_at: Date;
  booked_at: Date;
  client_address: string;
  price_lines: BookedLine[] | null;
}

/** Finds the booked event of one request. */
@Injectable()
export class FindUsageEvent {
  constructor(private readonly database: ServiceDatabase) {}

  /**
   * Null if the organisation has no such request, it reached no provider, or it is not booked yet. Indexes:
   * usage_event_pk, usage_event_facts_pk.
   */
  async byRequestId(organizationId: string, requestId: string): Promise<BookedEvent | null> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<EventRow[]>(
        `SELECT e.request_id, api_key_id, outcome, route, provider, model, stream,
              input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, usage_source,
              cost_nano_usd, charge_nano_usd, hold_nano_usd, accounts, price_version,
              started_at, ended_at, booked_at, client_address,
              coalesce(told.billable_nano_usd, e.billable_nano_usd) AS billable_nano_usd,
              coalesce(told.unpriced, e.unpriced) AS unpriced, coalesce(told.price_lines, e.price_lines) AS price_lines
       FROM billing.usage_event AS e LEFT JOIN billing.usage_event_facts AS told USING (request_id, organization_id)
       WHERE e.request_id = $1::uuid AND e.organization_id = $2`,
        [requestId, organizationId],
      ),
    );
    return rows[0] === undefined ? null : eventOf(rows[0]);
  }
}

function eventOf(row: EventRow): BookedEvent {
  return {
    requestId: row.request_id,
    apiKeyId: row.api_key_id,
    outcome: row.outcome,
    route: row.route,
    provider: row.provider,
    model: row.model,
    stream: row.stream,
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    cachedInputTokens: Number(row.cached_input_tokens),
    reasoningTokens: Number(row.reasoning_tokens),
    usageSource: row.usage_source,
    costNanoUsd: BigInt(row.cost_nano_usd),
    chargeNanoUsd: BigInt(row.charge_nano_usd),
    billableNanoUsd: row.billable_nano_usd === null ? null : BigInt(row.billable_nano_usd),
    unpriced: row.unpriced === true,
    holdNanoUsd: row.hold_nano_usd === null ? null : BigInt(row.hold_nano_usd),
    accounts: row.accounts,
    priceVersion: row.price_version,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    bookedAt: row.booked_at,
    clientAddress: row.client_address,
    priceLines: row.price_lines,
  };
}
