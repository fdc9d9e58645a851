import { toolFees } from '@tollgate/pricing';

/**
 * Fees that the price data lacks, in nano-USD for a thousand calls: the models of chat that search for each answer cost
 * 25 USD for a thousand searches where they do not think. From "Web search preview", non-reasoning models, on
 * https://developers.openai.com/api/docs/pricing.
 */
const SEARCHES_OF_PREVIEWS = 25_000_000_000n;
const SEARCH_PREVIEW = /^gpt-4o(?:-mini)?-search-preview(?:-|$)/;

/** The fees of tools that a provider runs: those of the price data, and what it lacks. */
export function toolFeesOf(
  source: string,
  model: string,
  listed: Readonly<Record<string, bigint | undefined>>,
): ReadonlyMap<string, bigint> {
  const fees = Object.entries(listed).flatMap(([tool, fee]) => (fee === undefined ? [] : [[tool, fee] as const]));
  const previews: Readonly<Record<string, bigint>> =
    source === 'openai' && SEARCH_PREVIEW.test(model) ? { web_search_preview: SEARCHES_OF_PREVIEWS } : {};
  return toolFees({ ...Object.fromEntries(fees), ...previews });
}
