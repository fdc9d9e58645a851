import { INFERENCE_ENDPOINTS } from '@tollgate/access';
import { openAiCompletions } from '../../dialects/openai-completions/openai-completions.js';
import type { Endpoint } from '../endpoint.js';

/** OpenAI's older completions: https://platform.openai.com/docs/api-reference/completions */
export const completions: Endpoint = { ...INFERENCE_ENDPOINTS.completions, dialect: openAiCompletions };
