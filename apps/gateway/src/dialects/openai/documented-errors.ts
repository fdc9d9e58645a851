import { ERRORS, type ErrorCode } from '@tollgate/errors';
import type { ErrorShape } from '@tollgate/openapi';
import { z } from 'zod';
import { openAiErrorBody } from './errors.js';

/** The description of OpenAI's error format for the OpenAPI document. */
export const OPENAI_ERROR_DOCS: ErrorShape = {
  mediaType: 'application/json',
  exampleSuffix: '.openai',
  schema: z
    .object({
      error: z.object({
        message: z.string(),
        type: z.string(),
        param: z.string().nullable().describe('The field that is at fault.'),
        code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]).describe('A code of the catalogue of errors.'),
      }),
    })
    .meta({ id: 'OpenAiError', description: 'A refusal in the shape of OpenAI.' }),
  body: (code) => openAiErrorBody(code, null, null),
};
