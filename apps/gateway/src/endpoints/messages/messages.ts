import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { anthropicMessages } from '../../dialects/anthropic-messages/anthropic-messages.js';
import type { Endpoint } from '../endpoint.js';

/** Anthropic's Messages: https://platform.claude.com/docs/en/api/messages */
export const messages: Endpoint = { ...INFERENCE_ENDPOINTS.messages, dialect: anthropicMessages };
