import { shown } from '@tollgate/openapi';
import { z } from 'zod';

/** A cursor is the position of the last key seen, in base64url so that clients do not calculate with it. */
export const cursorOf = (position: bigint): string => Buffer.from(position.toString()).toString('base64url');

const cursor = z.string().transform((text, context) => {
  const position = Buffer.from(text, 'base64url').toString('latin1');
  if (/^[1-9]\d{0,17}$/.test(position)) return BigInt(position);
  context.addIssue({ code: 'custom', message: 'must be the next_cursor of an earlier page' });
  return z.NEVER;
});

const LIMIT_RANGE = 'must be a whole number from 1 to 100';

/** The query of `GET /v1/api-keys`. */
export const listKeysRequest = z.strictObject({
  limit: shown(
    z
      .string()
      .regex(/^(100|[1-9]\d?)$/, LIMIT_RANGE)
      .transform(Number)
      .default(20),
    { type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'How many keys a page has at most.' },
  ),
  after: shown(cursor.optional(), {
    type: 'string',
    minLength: 2,
    maxLength: 24,
    description: 'The `next_cursor` of an earlier page.',
  }),
});

export type ListKeysRequest = z.output<typeof listKeysRequest>;
