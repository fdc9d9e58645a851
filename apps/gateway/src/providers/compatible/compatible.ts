import { openai } from '../openai/openai.js';
import type { ProviderType } from '../provider-type.js';
import { knownFieldsOf } from './known-hosts.js';

/**
 * A server with OpenAI's paths: vLLM, Ollama, OpenRouter and many others. The fields that it accepts follow from its
 * host.
 */
export const compatible: ProviderType = {
  ...openai,
  knownFields: ({ baseUrl }) => knownFieldsOf(new URL(baseUrl).hostname),
};
