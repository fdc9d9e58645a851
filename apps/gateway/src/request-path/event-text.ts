import type { TokenUsage } from '@tollgate/pricing';
import type { UsageRecordedV1 } from '@tollgate/contracts';
import type { Target } from './choose-route/route-table.js';
import type { Routed } from './exchange/exchange.js';
import { jsonFields } from './exchange/json-fields.js';

/**
 * The JSON of usage events, put together from texts that stay the same for a gateway, a key and a target: most of an
 * event's bytes are these, and writing them anew twice a request cost more than the journal itself.
 *
 * Each text must be one that the ledger can hold, and is made so where it enters: ids and accounts by the schema of key
 * snapshots, the journal's id by the schema of `journal.json`, route, provider and model by the schema of
 * `config.yaml`, a model that the caller named by `isModelName`, the client's address by the operating system; all
 * others are ours.
 */

/** What every event of a gateway says of it. */
export function gatewayPart(journalId: string, priceVersion: string): string {
  return jsonFields({ eventVersion: 1, journalId, priceVersion } satisfies Partial<UsageRecordedV1>);
}

/**
 * The event of an admitted request as far as it is known before the call, without its target: an object that is left
 * open.
 */
export function eventHead(gateway: string, exchange: Routed): string {
  const { ask, clientAddress, holdNanoUsd, key, requestId, startedAtMs } = exchange;
  return `{${gateway},${key.eventPart},"requestId":"${requestId}","stream":${ask.stream},"holdNanoUsd":${holdNanoUsd === null ? 'null' : `"${holdNanoUsd}"`},"startedAt":"${isoTime(startedAtMs)}","clientAddress":${JSON.stringify(clientAddress)},`;
}

/** An `Intent`: the event of its first target, with what an orphan's final needs. */
export function intentText(exchange: Routed): string {
  const target = exchange.targets[0];
  return `{"event":${exchange.eventHead}${target.eventPart}},"inputTokensEstimate":${exchange.ask.inputTokensEstimate},${target.pricePart}}`;
}

/** How a call ended, in the words of its event. Amounts in nano-USD. */
export interface EventEnd {
  readonly target: Target;
  readonly journalNumber: number;
  readonly outcome: UsageRecordedV1['outcome'];
  readonly usage: TokenUsage;
  readonly usageSource: UsageRecordedV1['usageSource'];
  readonly costNanoUsd: bigint;
  readonly chargeNanoUsd: bigint;
  readonly endedAtMs: number;
}

/** A whole event of `usage.recorded.v1`. */
export function finalText(
  head: string,
  { target, journalNumber, outcome, usage, usageSource, costNanoUsd, chargeNanoUsd, endedAtMs }: EventEnd,
): string {
  return `${head}${target.eventPart},"journalNumber":${journalNumber},"outcome":"${outcome}","inputTokens":${usage.inputTokens},"outputTokens":${usage.outputTokens},"cachedInputTokens":${usage.cachedInputTokens},"reasoningTokens":${usage.reasoningTokens},"usageSource":"${usageSource}","costNanoUsd":"${costNanoUsd}","chargeNanoUsd":"${chargeNanoUsd}","endedAt":"${isoTime(endedAtMs)}"}`;
}

let lastSecond = NaN;
/** Up to the point before the milliseconds. */
let lastText = '';

/** Milliseconds since 1970 as ISO 8601; requests of one second share most of the text. */
export function isoTime(ms: number): string {
  const second = Math.floor(ms / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = new Date(ms).toISOString().slice(0, -'000Z'.length);
  }
  const rest = ms - second * 1_000;
  return `${lastText}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
}
