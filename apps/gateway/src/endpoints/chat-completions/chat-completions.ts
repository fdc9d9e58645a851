import { openAiChat } from '../../dialects/openai-chat/openai-chat.js';
import type { Endpoint } from '../endpoint.js';

/** OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat */
export const chatCompletions: Endpoint = {
  name: 'chat-completions',
  paths: ['/v1/chat/completions', '/api/v1/chat/completions'],
  method: 'POST',
  scope: 'inference:write',
  dialect: openAiChat,
};
