import { formatUsd } from '@tollgate/credit';
import { chargeReason } from './charge-reason.js';
import type { BookedEvent } from './find-usage-event.js';

/** A usage event as the usage API shows it. Moments are RFC 3339 in UTC, money is decimal USD. */
export interface UsageEventObject {
  readonly object: 'usage_event';
  /** The `x-request-id` of the reply. */
  readonly request_id: string;
  readonly api_key_id: string;
  readonly outcome: string;
  readonly route: string;
  readonly provider: string;
  /** The provider's name of the model, not the one that the caller wrote. */
  readonly model: string;
  readonly stream: boolean;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_input_tokens: number;
  readonly reasoning_tokens: number;
  /** Who counted the usage: `provider`, `counted` (the gateway) or `none`. */
  readonly usage_source: string;
  /** The cost by the price list of `price_version`. */
  readonly cost_usd: string;
  /** The amount that each of the accounts was charged. */
  readonly charge_usd: string;
  readonly charge_reason: string;
  readonly charge_explanation: string;
  /** The credit that was held; null for a request without a credit limit. */
  readonly hold_usd: string | null;
  /** The part of the cost that no customer pays. */
  readonly platform_loss_usd: string;
  readonly price_version: string;
  /** The key's own account is first. `cap_usd` is the limit that the request was admitted under; null for no limit. */
  readonly accounts: readonly { readonly account_id: string; readonly cap_usd: string | null }[];
  readonly started_at: string;
  readonly ended_at: string;
  readonly booked_at: string;
  readonly client_address: string | null;
}

export function usageEventObject(event: BookedEvent): UsageEventObject {
  const { reason, explanation } = chargeReason(event);
  return {
    object: 'usage_event',
    request_id: event.requestId,
    api_key_id: event.apiKeyId,
    outcome: event.outcome,
    route: event.route,
    provider: event.provider,
    model: event.model,
    stream: event.stream,
    input_tokens: event.inputTokens,
    output_tokens: event.outputTokens,
    cached_input_tokens: event.cachedInputTokens,
    reasoning_tokens: event.reasoningTokens,
    usage_source: event.usageSource,
    cost_usd: formatUsd(event.costNanoUsd),
    charge_usd: formatUsd(event.chargeNanoUsd),
    charge_reason: reason,
    charge_explanation: explanation,
    hold_usd: event.holdNanoUsd === null ? null : formatUsd(event.holdNanoUsd),
    platform_loss_usd: formatUsd(event.costNanoUsd - event.chargeNanoUsd),
    price_version: event.priceVersion,
    accounts: event.accounts.map(({ accountId, capNanoUsd }) => ({
      account_id: accountId,
      cap_usd: capNanoUsd === null ? null : formatUsd(BigInt(capNanoUsd)),
    })),
    started_at: event.startedAt.toISOString(),
    ended_at: event.endedAt.toISOString(),
    booked_at: event.bookedAt.toISOString(),
    client_address: event.clientAddress === '' ? null : event.clientAddress,
  };
}
