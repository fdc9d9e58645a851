import { formatUsd } from '@tollgate/credit';
import { chargeReason } from './charge-reason.js';
import type { BookedEvent, BookedLine } from './find-usage-event.js';
import type { UsageEventObject } from './usage-event.reply.js';

/** Builds the usage API's view of a usage event. */
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
    billable_usd: event.billableNanoUsd === null ? null : formatUsd(event.billableNanoUsd),
    unpriced: event.unpriced,
    charge_reason: reason,
    charge_explanation: explanation,
    hold_usd: event.holdNanoUsd === null ? null : formatUsd(event.holdNanoUsd),
    platform_loss_usd: formatUsd(
      event.costNanoUsd > event.chargeNanoUsd ? event.costNanoUsd - event.chargeNanoUsd : 0n,
    ),
    price_version: event.priceVersion,
    accounts: event.accounts.map(({ accountId, capNanoUsd }) => ({
      account_id: accountId,
      cap_usd: capNanoUsd === null ? null : formatUsd(BigInt(capNanoUsd)),
    })),
    started_at: event.startedAt.toISOString(),
    ended_at: event.endedAt.toISOString(),
    booked_at: event.bookedAt.toISOString(),
    client_address: event.clientAddress === '' ? null : event.clientAddress,
    price_lines: event.priceLines?.map(lineObject) ?? null,
  };
}

function lineObject({ nanoUsdPerMillion, nanoUsd, ...line }: BookedLine) {
  return {
    class: line.class,
    model: line.model,
    tool: line.tool,
    quantity: line.quantity,
    usd_per_million: formatUsd(BigInt(nanoUsdPerMillion)),
    cost_usd: formatUsd(BigInt(nanoUsd)),
  };
}
