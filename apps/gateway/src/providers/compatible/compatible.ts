import type { DialectName } from '../../dialects/dialect-name.js';
import { openai } from '../openai/openai.js';
import type { ProviderType } from '../provider-type.js';
import { knownFieldsOf, OPENAI_HOST } from './known-hosts.js';

/** What nearly all servers with OpenAI's paths speak. */
const COMMON: ReadonlySet<DialectName> = new Set(['openai-chat', 'openai-completions', 'openai-embeddings']);
const WITH_RESPONSES: ReadonlySet<DialectName> = new Set([...COMMON, 'openai-responses']);

/**
 * A server with OpenAI's paths: vLLM, Ollama, OpenRouter and many others. The fields that it accepts follow from its
 * host, unless its entry in the configuration says that it is a proxy in front of OpenAI. It is asked for Responses
 * only if its entry says that it serves them.
 */
export const compatible: ProviderType = {
  ...openai,
  dialectsOf: ({ endpoints }) => (endpoints?.includes('responses') === true ? WITH_RESPONSES : COMMON),
  dialectsOfModel: () => null,
  // These headers name an organisation or a project of OpenAI's.
  callerHeaders: () => null,
  knownFields: ({ baseUrl, passesToOpenAi }) =>
    knownFieldsOf(passesToOpenAi === true ? OPENAI_HOST : new URL(baseUrl).hostname),
};
