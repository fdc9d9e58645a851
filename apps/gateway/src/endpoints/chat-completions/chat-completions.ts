import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import type { Endpoint } from '../endpoint.js';

/** OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat */
export const chatCompletions: Endpoint = { ...INFERENCE_ENDPOINTS.chatCompletions, dialect: openAiChat };
