import type { ConversationDialect, Feature } from './dialect-codec.js';

/** The field under which a dialect has a feature; null if it has none. */
type Fields = Readonly<Record<Exclude<ConversationDialect, 'inference'>, string | null>>;

/**
 * Where each dialect says what. A request with a feature that the target's dialect does not have is refused by the
 * caller's field. The page on dialects in the docs is generated from this table.
 */
export const FEATURES: Readonly<Record<Feature, Fields>> = {
  system: { 'openai-chat': 'messages', 'openai-responses': 'instructions', 'anthropic-messages': 'system' },
  turns: { 'openai-chat': 'messages', 'openai-responses': 'input', 'anthropic-messages': 'messages' },
  images: { 'openai-chat': 'messages', 'openai-responses': 'input', 'anthropic-messages': 'messages' },
  documents: { 'openai-chat': 'messages', 'openai-responses': 'input', 'anthropic-messages': 'messages' },
  audio: { 'openai-chat': 'messages', 'openai-responses': 'input', 'anthropic-messages': null },
  tools: { 'openai-chat': 'tools', 'openai-responses': 'tools', 'anthropic-messages': 'tools' },
  custom_tools: { 'openai-chat': 'tools', 'openai-responses': 'tools', 'anthropic-messages': null },
  builtin_tools: { 'openai-chat': null, 'openai-responses': 'tools', 'anthropic-messages': 'tools' },
  tool_choice: { 'openai-chat': 'tool_choice', 'openai-responses': 'tool_choice', 'anthropic-messages': 'tool_choice' },
  parallel_tool_calls: {
    'openai-chat': 'parallel_tool_calls',
    'openai-responses': 'parallel_tool_calls',
    'anthropic-messages': 'tool_choice.disable_parallel_tool_use',
  },
  json_object: { 'openai-chat': 'response_format', 'openai-responses': 'text.format', 'anthropic-messages': null },
  json_schema: {
    'openai-chat': 'response_format',
    'openai-responses': 'text.format',
    'anthropic-messages': 'output_config.format',
  },
  output_tokens_max: {
    'openai-chat': 'max_completion_tokens',
    'openai-responses': 'max_output_tokens',
    'anthropic-messages': 'max_tokens',
  },
  stop: { 'openai-chat': 'stop', 'openai-responses': null, 'anthropic-messages': 'stop_sequences' },
  temperature: { 'openai-chat': 'temperature', 'openai-responses': 'temperature', 'anthropic-messages': 'temperature' },
  top_p: { 'openai-chat': 'top_p', 'openai-responses': 'top_p', 'anthropic-messages': 'top_p' },
  top_k: { 'openai-chat': null, 'openai-responses': null, 'anthropic-messages': 'top_k' },
  frequency_penalty: { 'openai-chat': 'frequency_penalty', 'openai-responses': null, 'anthropic-messages': null },
  presence_penalty: { 'openai-chat': 'presence_penalty', 'openai-responses': null, 'anthropic-messages': null },
  seed: { 'openai-chat': 'seed', 'openai-responses': null, 'anthropic-messages': null },
  logit_bias: { 'openai-chat': 'logit_bias', 'openai-responses': null, 'anthropic-messages': null },
  logprobs: { 'openai-chat': 'logprobs', 'openai-responses': 'top_logprobs', 'anthropic-messages': null },
  reasoning: {
    'openai-chat': 'reasoning_effort',
    'openai-responses': 'reasoning.effort',
    'anthropic-messages': 'output_config.effort',
  },
  thinking_budget: {
    'openai-chat': null,
    'openai-responses': null,
    'anthropic-messages': 'thinking.budget_tokens',
  },
  verbosity: { 'openai-chat': 'verbosity', 'openai-responses': 'text.verbosity', 'anthropic-messages': null },
  user: { 'openai-chat': 'user', 'openai-responses': 'user', 'anthropic-messages': 'metadata.user_id' },
  metadata: { 'openai-chat': 'metadata', 'openai-responses': 'metadata', 'anthropic-messages': null },
  prompt_cache_key: {
    'openai-chat': 'prompt_cache_key',
    'openai-responses': 'prompt_cache_key',
    'anthropic-messages': null,
  },
  service_tier: {
    'openai-chat': 'service_tier',
    'openai-responses': 'service_tier',
    'anthropic-messages': 'service_tier',
  },
  stream: { 'openai-chat': 'stream', 'openai-responses': 'stream', 'anthropic-messages': 'stream' },
  choices: { 'openai-chat': 'n', 'openai-responses': null, 'anthropic-messages': null },
};

/** The fields of our own endpoint. Features that it does not have cannot be in its requests. */
const INFERENCE_FIELDS: Partial<Readonly<Record<Feature, string>>> = {
  system: 'system',
  turns: 'prompt',
  output_tokens_max: 'max_output_tokens',
  stop: 'stop',
  temperature: 'temperature',
  top_p: 'top_p',
  user: 'user',
  stream: 'stream',
};

/**
 * The field in which a caller of a dialect says something, for faults and for the docs; null if the dialect has none.
 */
export function fieldOfFeature(dialect: ConversationDialect, feature: Feature): string | null {
  return dialect === 'inference' ? (INFERENCE_FIELDS[feature] ?? null) : FEATURES[feature][dialect];
}
