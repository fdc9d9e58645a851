import { uuid } from '@tollgate/contracts';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';

/** The key that a path names. An id that is not a UUID is answered with 404, like that of an unknown key. */
export const apiKeyPath = pathSchema(
  'api_key_not_found',
  z.object({ id: uuid.describe('The `id` of a key, in any case.') }),
);
export type ApiKeyPath = z.output<typeof apiKeyPath>;
