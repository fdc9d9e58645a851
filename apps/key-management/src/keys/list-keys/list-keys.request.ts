import { KEY_TYPES } from '@tollgate/api-key';
import { instant } from '@tollgate/contracts';
import { exactMoment, formerCursor, newestFirst, pageQuery, Pages, type ListAsked } from '@tollgate/http';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import {
  KEY_SORTS,
  type KeyFilters,
  type KeyOrder,
  type KeySort,
  type SortedPosition,
} from '../../store/key-list-sql.js';
import { looksLikeSecret, NO_SECRET_IN_ADDRESS } from './looks-like-secret.js';

const TEXT_CHARACTERS_MAX = 200;
/** A search for fewer characters would find nearly everything: it finds beginnings only. */
const CHARACTERS_IN_THE_MIDDLE_MIN = 3;

/** PostgreSQL has no year 0, and reads no year of five digits as JavaScript writes it. */
const moment = (description: string) =>
  shown(
    z.iso
      .datetime({ offset: true })
      .transform((given) => new Date(given).toISOString())
      .refine(
        (given) => !given.startsWith('0000') && instant.safeParse(given).success,
        'must be in the years 0001 to 9999',
      )
      .optional(),
    { type: 'string', format: 'date-time', maxLength: 40, description },
  );

const SORTS = KEY_SORTS.flatMap((by) => [by, `-${by}` as const]);

const SEARCHED =
  'A text in the name, the description, the masked secret or the id, without regard to case; one of fewer than three ' +
  'characters finds only what begins with it. All characters stand for themselves.';

const q = z.string().trim().min(1).max(TEXT_CHARACTERS_MAX);

/** The filters of keys, each of which a list may have. */
const filters = {
  state: z
    .enum(['active', 'disabled', 'revoked', 'expired'])
    .optional()
    .describe('Keys in this state at the moment of the request.'),
  type: z.enum(KEY_TYPES).optional().describe('Keys of this type.'),
  group_id: z.uuid().optional().describe('Keys in this group.'),
  project_id: z.uuid().optional().describe('Keys of this project.'),
  created_by: z
    .union([z.literal('operator'), z.uuid()])
    .optional()
    .describe('The id of the person or the key that made them, or `operator`.'),
  expires_before: moment('Keys that expire before this moment, or have expired.'),
  idle_since: moment('Keys that were used last before this moment; unused ones, if they were created before it.'),
};

const sort = z
  .enum(SORTS)
  .optional()
  .describe(
    'By what to sort, ascending; with `-` before it, descending. Without it, the newest come first. Keys that were ' +
      'never used count as used before all others, and keys that never expire as expiring after all others. Where ' +
      'the values are equal, the id decides. Letters A to Z are sorted without regard to case.',
  );

/** The query of `GET /v1/api-keys`. */
export const listKeysRequest = z
  .strictObject({
    ...pageQuery,
    ...formerCursor,
    q: q
      .refine((text) => !looksLikeSecret(text), NO_SECRET_IN_ADDRESS)
      .optional()
      .describe(`${SEARCHED} It must be no secret: search for one by \`POST /v1/api-keys/search\`.`),
    ...filters,
    sort,
  })
  .refine(({ cursor, after }) => cursor === undefined || after === undefined, {
    path: ['after'],
    message: 'must not be given together with cursor',
  });

const LIMIT = 'must be a whole number from 1 to 100';

/** The filters of a request with a body: a search, and what acts on many keys. */
export const keyFilters = {
  q: q.optional().describe(`${SEARCHED} A whole secret finds its key.`),
  ...filters,
};

/** The body of `POST /v1/api-keys/search`. */
export const searchKeysRequest = z
  .strictObject({
    ...keyFilters,
    sort,
    limit: z.int(LIMIT).min(1, LIMIT).max(100, LIMIT).default(20),
    cursor: pageQuery.cursor,
  })
  .meta({
    id: 'SearchApiKeys',
    examples: [
      { q: 'support', state: 'active', sort: '-last_used' },
      { idle_since: '2026-09-01T00:00:00Z', limit: 100 },
    ],
  });

/** A request for a page of keys, by query or by body, as its schema has read it. */
export type ListKeysRequest = z.output<typeof searchKeysRequest> & { readonly after?: string | undefined };
/** What is asked of keys, as a request names it. */
export type KeyFiltersAsked = Pick<ListKeysRequest, keyof typeof keyFilters>;

/** The filters that a request names. What `q` is found to be is the caller's to say. */
export function filtersOf(asked: KeyFiltersAsked, found: Pick<KeyFilters, 'ids' | 'text'>): KeyFilters {
  return {
    ...found,
    state: asked.state,
    type: asked.type,
    groupId: asked.group_id,
    projectId: asked.project_id,
    createdBy:
      asked.created_by === undefined
        ? undefined
        : asked.created_by === 'operator'
          ? { kind: 'operator' }
          : { id: asked.created_by },
    expiresBefore: asked.expires_before,
    idleSince: asked.idle_since,
  };
}

/** A text as it is searched for. People write the `…` of a masked secret as three dots. */
export function searchTextOf(asked: string): NonNullable<KeyFilters['text']> {
  const text = /^(?:sk|pk)-.*\.\.\..*$/s.test(asked) ? asked.replace('...', '…') : asked;
  return { text, beginning: [...text].length < CHARACTERS_IN_THE_MIDDLE_MIN };
}

/** The order that a request names; newest first without one. */
export function orderOf(asked: ListKeysRequest['sort']): KeyOrder {
  if (asked === undefined) return { by: 'created', descending: true };
  const descending = asked.startsWith('-');
  return { by: (descending ? asked.slice(1) : asked) as KeySort, descending };
}

/** What a cursor of the list belongs to. A secret in `q` is in none: what it finds fits one page. */
export function listAsked(
  organizationId: string,
  { limit: _, cursor: _c, after: _a, ...asked }: ListKeysRequest,
): ListAsked {
  const hidden = asked.q !== undefined && looksLikeSecret(asked.q) ? { q: 'a secret' } : {};
  return { organizationId, filters: { ...asked, ...hidden } };
}

const key = z.uuid();
const amount = z.string().regex(/^-?(0|[1-9]\d{0,17})$/);
const POSITIONS: Readonly<Record<KeySort, z.ZodType<SortedPosition>>> = {
  // Anybody can write a cursor, and PostgreSQL takes no NUL.
  name: z.tuple([
    z
      .string()
      .max(400)
      .regex(/^[^\u0000]*$/),
    key,
  ]),
  created: newestFirst(key),
  last_used: z.tuple([z.union([exactMoment, z.literal('-infinity')]), key]),
  spend: z.tuple([amount, key]),
  expiry: z.tuple([z.union([exactMoment, z.literal('infinity')]), key]),
};

/** The pages of the list of keys in an order. */
export const keyPages = ({ by }: KeyOrder): Pages<SortedPosition> => new Pages('api_keys', POSITIONS[by]);

/**
 * The place in the list that a cursor of release 0.1.0 has: a number, in base64url. Null if the text is no such cursor.
 */
export function formerPosition(cursor: string): bigint | null {
  const position = Buffer.from(cursor, 'base64url').toString('latin1');
  return /^[1-9]\d{0,17}$/.test(position) ? BigInt(position) : null;
}
