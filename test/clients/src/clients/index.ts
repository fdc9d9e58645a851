import type { Client } from '../kit/client.js';
import { aiAnthropic, aiCompatible, aiOpenAiChat, aiOpenAiResponses } from './ai-sdk.js';
import { anthropic0, anthropic1 } from './anthropic.js';
import { curlChat } from './curl.js';
import { langchainAnthropic, langchainOpenAi } from './langchain.js';
import { langfuse } from './langfuse.js';
import { openAi4, openAi7 } from './openai-chat.js';
import { openAiResponses } from './openai-responses.js';
import { openRouter } from './openrouter.js';
import { PYTHON_CLIENTS } from './python.js';

/** All clients that are tried. A new one is one entry here. */
export const CLIENTS: readonly Client[] = [
  openAi7,
  openAi4,
  openAiResponses,
  anthropic1,
  anthropic0,
  langfuse,
  aiOpenAiChat,
  aiOpenAiResponses,
  aiCompatible,
  aiAnthropic,
  langchainOpenAi,
  langchainAnthropic,
  openRouter,
  curlChat,
  ...PYTHON_CLIENTS,
];
