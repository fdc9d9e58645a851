import { z } from 'zod';
import { description, name } from '../create-key/create-key.request.js';

/** The body of `PATCH /v1/api-keys/{id}`. A field that is left out stays as it is. */
export const updateKeyRequest = z
  .strictObject({
    name: name.optional().describe('One line with at least one visible character.'),
    description: description.optional().describe('Null, or an empty text, takes it away.'),
  })
  .meta({
    id: 'UpdateApiKey',
    examples: [{ name: 'support bot, Berlin' }, { description: null }],
  });

/** The request as its schema has read it. */
export type UpdateKeyRequest = z.output<typeof updateKeyRequest>;
