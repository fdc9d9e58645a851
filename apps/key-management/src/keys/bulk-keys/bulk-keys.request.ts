import { z } from 'zod';
import { keyFilters } from '../list-keys/list-keys.request.js';

/** So many keys one call acts on at most. */
export const BULK_KEYS_MAX = 10_000;

/** What can be done to many keys: what can be done to each of them by its own call. */
export const BULK_ACTIONS = ['disable', 'enable', 'revoke', 'delete', 'add_to_group', 'remove_from_group'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

const filter = z
  .strictObject({
    ...keyFilters,
    all: z.literal(true).optional().describe('All keys that are not deleted; no other filter stands beside it.'),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), {
    message: 'must have at least one filter; {"all": true} stands for all keys',
  })
  .refine(({ all, ...others }) => all === undefined || Object.values(others).every((value) => value === undefined), {
    path: ['all'],
    message: 'must not be given together with other filters',
  });

/** The body of `POST /v1/api-keys/bulk`. */
export const bulkKeysRequest = z
  .strictObject({
    ids: z
      .array(z.uuid())
      .min(1)
      .max(BULK_KEYS_MAX)
      .optional()
      .describe('The keys to act on; one that is named twice is acted on once.'),
    filter: filter.optional().describe(`The keys to act on, as a search finds them; at most ${BULK_KEYS_MAX}.`),
    action: z.enum(BULK_ACTIONS),
    group_id: z.uuid().optional().describe('The group of `add_to_group` and `remove_from_group`.'),
  })
  .refine(({ ids, filter: given }) => (ids === undefined) !== (given === undefined), {
    path: ['ids'],
    message: 'must be given without filter, or filter without it',
  })
  .refine(({ action, group_id }) => action.endsWith('_group') === (group_id !== undefined), {
    path: ['group_id'],
    message: 'must be given for add_to_group and remove_from_group, and for nothing else',
  })
  .meta({
    id: 'BulkApiKeys',
    examples: [
      { filter: { state: 'active', idle_since: '2026-08-01T00:00:00Z' }, action: 'disable' },
      {
        ids: ['0b4f2f5e-7f5c-4d0e-9a77-0123456789ab'],
        action: 'add_to_group',
        group_id: '5c1d0b1e-2f3a-4f77-9c55-0123456789ab',
      },
      { filter: { all: true }, action: 'revoke' },
    ],
  });
export type BulkKeysRequest = z.output<typeof bulkKeysRequest>;
