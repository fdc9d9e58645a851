import { openAiEmbeddings } from '../../dialects/openai-embeddings/openai-embeddings.js';
import type { Endpoint } from '../endpoint.js';

/** OpenAI's embeddings: https://platform.openai.com/docs/api-reference/embeddings */
export const embeddings: Endpoint = {
  name: 'embeddings',
  paths: ['/v1/embeddings', '/api/v1/embeddings'],
  method: 'POST',
  scope: 'inference:write',
  dialect: openAiEmbeddings,
};
