import { waitUntil } from '@tollgate/infra';
import type { LogEntry } from '@tollgate/provider-simulator';
import { costNanoUsd, usd } from './prices.js';
import type { Shape } from './shape.js';
import type { UsageTotals } from './tollgate-client.js';

/**
 * What the provider was asked under this request id: one entry for a request that was forwarded, none for a refused
 * one.
 */
export function providerEntries(shape: Shape, requestId: string): LogEntry[] {
  return shape.simulator.log().filter((entry) => entry.request_id === requestId);
}

/** The one entry of a request that was forwarded once; throws otherwise. */
export function providerEntry(shape: Shape, requestId: string): LogEntry {
  const entries = providerEntries(shape, requestId);
  if (requestId === '' || entries.length !== 1)
    throw new Error(`the provider saw the request ${requestId} ${entries.length} times`);
  return entries[0]!;
}

/** The bytes the provider was sent. */
export async function bodySentUpstream(shape: Shape, requestId: string): Promise<string> {
  const reply = await fetch(`${shape.simulator.url}/simulator/log/${providerEntry(shape, requestId).n}/body`);
  return reply.text();
}

/** What a call costs by the usage that the provider reported. */
export function costOfEntry({ model, usage }: LogEntry): bigint {
  if (model === null || usage === null) throw new Error('the provider has no usage of this call');
  return costNanoUsd(model, usage.prompt_tokens, usage.completion_tokens);
}

/** Totals as the API must show them for calls that ended well. */
export function totalsOf(entries: readonly LogEntry[]): UsageTotals {
  const sum = (tokens: (usage: NonNullable<LogEntry['usage']>) => number) =>
    entries.reduce((total, { usage }) => total + (usage === null ? 0 : tokens(usage)), 0);
  return {
    requests: entries.length,
    input_tokens: sum((usage) => usage.prompt_tokens),
    output_tokens: sum((usage) => usage.completion_tokens),
    cost_usd: usd(entries.reduce((total, entry) => total + costOfEntry(entry), 0n)),
  };
}

/** How far usage and `credit_used_usd` are behind at most, on a machine that does nothing else. */
export const usagePromisedMs = 2_000;

/** How long is waited for usage and `credit_used_usd`: a busy machine takes longer than is promised. */
export const usageLagMsMax = 30_000;

/** The key's totals as soon as they count so many requests; rejects when that takes too long for a busy machine. */
export function usageOf(
  shape: Shape,
  apiKeyId: string,
  requests: number,
  timeoutMs = usageLagMsMax,
): Promise<UsageTotals> {
  return waitUntil(
    async () => {
      const totals = await shape.client().usage(apiKeyId);
      return totals.requests >= requests && totals;
    },
    { what: `the usage of ${requests} requests to be shown`, timeoutMs, intervalMs: 100 },
  );
}
