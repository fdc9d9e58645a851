import type { TokenUsage } from '@tollgate/pricing';
import { lastField, scanBody } from '../receive-body/scan-body.js';
import { valueAt } from '../receive-body/values.js';

/** Above this a number is no count of tokens. */
const TOKENS_MAX = 1_000_000_000;
const USAGE = Buffer.from('"usage"');

/** `usage` as OpenAI's dialect reports it; null where it is not that. */
export function readUsage(usage: unknown): TokenUsage | null {
  if (typeof usage !== 'object' || usage === null) return null;
  const report = usage as Record<string, unknown>;
  const inputTokens = tokens(report['prompt_tokens']);
  const outputTokens = tokens(report['completion_tokens']);
  if (inputTokens === null || outputTokens === null) return null;
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: tokens((report['prompt_tokens_details'] as Record<string, unknown> | null | undefined)?.['cached_tokens']) ?? 0,
    reasoningTokens: tokens((report['completion_tokens_details'] as Record<string, unknown> | null | undefined)?.['reasoning_tokens']) ?? 0,
  };
}

/** The usage of a plain reply; null where it reports none. */
export function usageOfReply(body: Buffer): TokenUsage | null {
  const last = lastField(body, USAGE);
  if (last !== undefined) return readUsage(valueAt(body, last));
  const fields = scanBody(body);
  return 'kind' in fields || fields.usage === null ? null : readUsage(valueAt(body, fields.usage));
}

/** Output tokens of a plain reply that reports no usage: four bytes of text each. */
export function countReply(body: Buffer): number {
  try {
    const { choices } = JSON.parse(body.toString('utf8')) as { choices?: { message?: { content?: unknown; tool_calls?: unknown } }[] };
    const text = (choices ?? []).map(({ message }) => `${typeof message?.content === 'string' ? message.content : ''}${message?.tool_calls === undefined ? '' : JSON.stringify(message.tool_calls)}`).join('');
    return Math.ceil(Buffer.byteLength(text) / 4);
  } catch {
    return Math.ceil(body.length / 4);
  }
}

function tokens(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= TOKENS_MAX ? value : null;
}
