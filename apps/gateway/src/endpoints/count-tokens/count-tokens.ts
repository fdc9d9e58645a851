import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { anthropicCountTokens } from '../../dialects/anthropic-count-tokens/anthropic-count-tokens.js';
import type { Endpoint } from '../endpoint.js';

/** Anthropic's count of tokens: https://platform.claude.com/docs/en/api/messages-count-tokens */
export const countTokens: Endpoint = { ...INFERENCE_ENDPOINTS.countTokens, dialect: anthropicCountTokens };
