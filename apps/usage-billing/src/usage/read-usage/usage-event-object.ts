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
    cost_usd: event.unpriced ? null : formatUsd(event.costNanoUsd),
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
    price_lines: event.priceLines?.map((line) => lineObject(line, hasNoPrice(event))) ?? null,
  };
}

/**
 * Whether nothing of what an event used had a known price. Its lines are then stored at a price of 0, which is none;
 * where a part had one, the lines are of that part alone.
 */
function hasNoPrice({ unpriced, priceLines }: Pick<BookedEvent, 'unpriced' | 'priceLines'>): boolean {
  return unpriced && (priceLines ?? []).every(({ nanoUsdPerMillion }) => BigInt(nanoUsdPerMillion) === 0n);
}

function lineObject({ nanoUsdPerMillion, nanoUsd, ...line }: BookedLine, isUnpriced: boolean) {
  return {
    class: line.class,
    model: line.model,
    tool: line.tool,
    quantity: line.quantity,
    usd_per_million: isUnpriced ? null : formatUsd(BigInt(nanoUsdPerMillion)),
    cost_usd: isUnpriced ? null : formatUsd(BigInt(nanoUsd)),
  };
}
