import type { ProviderType } from '../provider-type.js';

/** OpenAI's own API. */
export const openai: ProviderType = {
  dialects: new Set(['openai-chat', 'openai-embeddings']),
  pathsOf({ baseUrl }) {
    const base = new URL(baseUrl).pathname.replace(/\/$/, '');
    return (operation) => base + operation;
  },
  credentialHeaders: (credential) => ['authorization', `Bearer ${credential}`],
  // OpenAI's reasoning models refuse max_tokens.
  knownFields: () => ({ ceilingField: 'max_completion_tokens', streamOptions: true }),
  blamesConfiguration: () => false,
};
