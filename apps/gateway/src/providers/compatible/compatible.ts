import { openai } from '../openai/openai.js';
import type { ProviderType } from '../provider-type.js';
import { knownFieldsOf } from './known-hosts.js';

/** A server that has OpenAI's paths: vLLM, Ollama, OpenRouter and many others. What it takes is known by its host. */
export const compatible: ProviderType = {
  ...openai,
  knownFields: ({ baseUrl }) => knownFieldsOf(new URL(baseUrl).hostname),
};
