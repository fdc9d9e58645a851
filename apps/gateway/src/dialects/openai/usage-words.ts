import type { TokenUsage } from '@tollgate/usage';
import type { UsageWords } from '../dialect.js';

/**
 * Usage as OpenAI tells it in plain replies, and in the last chunk of a stream, whose `object` is the one of all chunks
 * of the endpoint.
 */
export const openAiUsageWords = (chunkObject: 'chat.completion.chunk' | 'text_completion'): UsageWords => ({
  object: ({ inputTokens, outputTokens, cachedInputTokens, reasoningTokens }: TokenUsage) => ({
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  }),
  event: (usage, requestId, model) => {
    const chunk = { id: requestId, object: chunkObject, created: 0, model, choices: [], usage };
    return `data: ${Buffer.from(JSON.stringify(chunk)).toString('latin1')}\n\n`;
  },
});
