import { z } from 'zod';
import { digest, id, instant } from '../primitives.js';

/** Bus topic; key `apiKeyId`; from key-management, once for each version of a key. */
export const KEYS_CHANGED_V1 = 'keys.changed.v1';

export const keysChangedV1 = z.object({
  eventVersion: z.literal(1),
  apiKeyId: id,
  organizationId: id,
  version: z.int().positive(),
  change: z.enum(['created', 'revoked', 'deleted', 'leaked']),
  state: z.enum(['active', 'revoked']),
  changedAt: instant,
  digests: z.array(digest),
});
/** A change of a key, as `keys.changed.v1` carries it. */
export type KeysChangedV1 = z.infer<typeof keysChangedV1>;
