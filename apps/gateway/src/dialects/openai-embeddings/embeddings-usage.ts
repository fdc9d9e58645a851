import { readUsage, type UsageReport } from '@tollgate/usage';

const NO_FIELDS: Readonly<Record<string, unknown>> = {};

/**
 * The report of an embeddings reply; null if it has no input tokens above zero. They are in `prompt_tokens`, or in
 * `total_tokens` alone (Voyage, Jina); a zero beside the other is an unused field. A vector has no tokens, whatever a
 * relay puts into the fields of output.
 */
export function readEmbeddingsUsage(usage: unknown): UsageReport | null {
  const fields = typeof usage === 'object' && usage !== null ? (usage as Record<string, unknown>) : NO_FIELDS;
  const { prompt_tokens, input_tokens, total_tokens } = fields;
  const inputTokens = tokensIn(prompt_tokens) ?? tokensIn(input_tokens) ?? tokensIn(total_tokens);
  return inputTokens === null ? null : { inputTokens, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };
}

/** The number of tokens in any of the forms that providers write it in; null unless it is above zero. */
function tokensIn(value: unknown): number | null {
  const tokens = readUsage({ prompt_tokens: value })?.inputTokens ?? 0;
  return tokens > 0 ? tokens : null;
}
