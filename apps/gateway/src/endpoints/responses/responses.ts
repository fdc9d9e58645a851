import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { openAiResponses } from '../../dialects/openai-responses/openai-responses.js';
import type { Endpoint } from '../endpoint.js';

/** OpenAI's Responses: https://platform.openai.com/docs/api-reference/responses */
export const responses: Endpoint = { ...INFERENCE_ENDPOINTS.responses, dialect: openAiResponses };
