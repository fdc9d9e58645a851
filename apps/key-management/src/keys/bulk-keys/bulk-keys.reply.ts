import { z } from 'zod';
import { BULK_ACTIONS, BULK_KEYS_MAX } from './bulk-keys.request.js';

const count = z.int().min(0).max(BULK_KEYS_MAX);

const result = z.object({
  id: z.uuid(),
  status: z.int().describe('What a call for this key alone would have been answered: 200, or that of the refusal.'),
  outcome: z.enum(['changed', 'unchanged', 'refused']),
  state: z
    .enum(['active', 'disabled', 'revoked', 'expired'])
    .nullable()
    .describe('The state of the key as it is now; null where there is no such key.'),
  code: z.string().nullable().describe('The error code of the refusal; null otherwise.'),
  detail: z.string().nullable().describe('What to do about the refusal; null otherwise.'),
});

/** What has become of each key. */
export const bulkKeysReply = z
  .object({
    object: z.literal('bulk_result'),
    action: z.enum(BULK_ACTIONS),
    changed: count,
    unchanged: count,
    refused: count,
    results: z.array(result).readonly().describe('One for each key, in the order in which the keys were named.'),
  })
  .meta({
    id: 'BulkResult',
    examples: [
      {
        object: 'bulk_result',
        action: 'revoke',
        changed: 1,
        unchanged: 0,
        refused: 1,
        results: [
          {
            id: '0b4f2f5e-7f5c-4d0e-9a77-0123456789ab',
            status: 200,
            outcome: 'changed',
            state: 'revoked',
            code: null,
            detail: null,
          },
          {
            id: '7d0e2f5e-7f5c-4d0e-9a77-0123456789ab',
            status: 404,
            outcome: 'refused',
            state: null,
            code: 'api_key_not_found',
            detail: 'The API key does not exist.',
          },
        ],
      },
    ],
  });
/** The reply as it is before it is serialised. */
export type BulkResultObject = Readonly<z.input<typeof bulkKeysReply>>;
/** What has become of one key. */
export type BulkItem = Readonly<z.input<typeof result>>;
