import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { openAiResponsesCompact } from '../../dialects/openai-responses-compact/openai-responses-compact.js';
import type { Endpoint } from '../endpoint.js';

/** The compaction of a conversation: https://platform.openai.com/docs/api-reference/responses/compact */
export const compactResponse: Endpoint = { ...INFERENCE_ENDPOINTS.compactResponse, dialect: openAiResponsesCompact };
