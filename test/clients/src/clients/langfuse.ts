import { observeOpenAI } from '@langfuse/openai';
import { OpenAI } from 'openai';
import type { Client } from '../kit/client.js';
import { openAiChat } from './openai-chat.js';

export const langfuse: Client = {
  name: '@langfuse/openai',
  speaks: '/v1/chat/completions',
  retries: true,
  connect: openAiChat(({ url, secret }) => observeOpenAI(new OpenAI({ apiKey: secret, baseURL: `${url}/v1` }))),
};
