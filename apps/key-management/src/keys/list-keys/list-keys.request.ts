import { formerCursor, newestFirst, pageQuery, Pages } from '@tollgate/http';
import { z } from 'zod';

/** The query of `GET /v1/api-keys`. */
export const listKeysRequest = z
  .strictObject({ ...pageQuery, ...formerCursor })
  .refine(({ cursor, after }) => cursor === undefined || after === undefined, {
    path: ['after'],
    message: 'must not be given together with cursor',
  });
export type ListKeysRequest = z.output<typeof listKeysRequest>;

/** The list of keys in pages, newest first. */
export const KEY_PAGES = new Pages('api_keys', newestFirst(z.uuid()));

/**
 * The place in the list that a cursor of release 0.1.0 has: a number, in base64url. Null if the text is no such cursor.
 */
export function formerPosition(cursor: string): bigint | null {
  const position = Buffer.from(cursor, 'base64url').toString('latin1');
  return /^[1-9]\d{0,17}$/.test(position) ? BigInt(position) : null;
}
