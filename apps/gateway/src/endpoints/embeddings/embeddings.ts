import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { openAiEmbeddings } from '../../dialects/openai-embeddings/openai-embeddings.js';
import type { Endpoint } from '../endpoint.js';

/** OpenAI's embeddings: https://platform.openai.com/docs/api-reference/embeddings */
export const embeddings: Endpoint = { ...INFERENCE_ENDPOINTS.embeddings, dialect: openAiEmbeddings };
