import { idOfHash } from '@tollgate/api-key';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';

/** The path of one key. */
export const keyHashPath = pathSchema(
  'api_key_not_found',
  z.object({
    hash: z
      .string()
      .max(64)
      .refine((text) => idOfHash(text) !== null, 'must be the hash of a key')
      .describe('The `hash` of the key.'),
  }),
);
export type KeyHashPath = z.output<typeof keyHashPath>;
