import type { ErrorShape } from '@tollgate/openapi';
import { z } from 'zod';
import { anthropicErrorBody } from './errors.js';

/** The description of Anthropic's error format for the OpenAPI document. */
export const ANTHROPIC_ERROR_DOCS: ErrorShape = {
  mediaType: 'application/json',
  exampleSuffix: '.anthropic',
  schema: z
    .object({
      type: z.literal('error'),
      error: z.object({ type: z.string().describe('A name that SDKs decide by.'), message: z.string() }),
      request_id: z.string().describe('The id of the request, as in `request-id`.'),
    })
    .meta({ id: 'AnthropicError', description: 'A refusal in the shape of Anthropic.' }),
  body: (code) => anthropicErrorBody(code, null, '0199c2a4-7f3e-7000-8000-000000000000'),
};
