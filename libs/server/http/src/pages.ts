import { createHash } from 'node:crypto';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { Problem } from './problem.js';

const LIMIT_DEFAULT = 20;
const LIMIT_RANGE = 'must be a whole number from 1 to 100';
/** A position may hold an e-mail address or a name; nothing of ours comes near this. */
const CURSOR_CHARACTERS_MAX = 1_024;
/** 96 bits of the digest are enough to tell a mistake; a cursor opens nothing that its bearer may not see. */
const CHECK_BYTES = 12;

const cursorText = (description: string) =>
  shown(z.string().min(1).max(CURSOR_CHARACTERS_MAX), {
    type: 'string',
    minLength: 1,
    maxLength: CURSOR_CHARACTERS_MAX,
    description,
  });

/**
 * The fields of a query that every list takes.
 *
 * @example
 * export const listMembersRequest = z.strictObject({ ...pageQuery, role: z.enum(ROLES).optional() });
 */
export const pageQuery = {
  limit: shown(
    z
      .string()
      .regex(/^(100|[1-9]\d?)$/, LIMIT_RANGE)
      .transform(Number)
      .default(LIMIT_DEFAULT),
    { type: 'integer', minimum: 1, maximum: 100, default: LIMIT_DEFAULT, description: 'How many a page has at most.' },
  ),
  cursor: cursorText(
    'The `next_cursor` of the page before, with the same filters; without it, the first page.',
  ).optional(),
};

/** `cursor` under the name that it had in release 0.1.0. The release after this one takes it away. */
export const formerCursor = {
  after: shown(z.string().min(1).max(CURSOR_CHARACTERS_MAX).optional(), {
    type: 'string',
    minLength: 1,
    maxLength: CURSOR_CHARACTERS_MAX,
    deprecated: true,
    description: 'The former name of `cursor`. Cursors of release 0.1.0 are read here for one release.',
  }),
};

/** PostgreSQL has no year 0. */
const MOMENT = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
/** A moment to the microsecond, as `momentText` writes it: `Date` would lose the last three digits. */
export const exactMoment = z.string().refine((text) => {
  if (!MOMENT.test(text)) return false;
  const whole = `${text.slice(0, 19)}.000Z`;
  const ms = Date.parse(whole);
  return Number.isFinite(ms) && new Date(ms).toISOString() === whole;
});

/** The order of most lists: by `created_at` and then by `id`, both descending. A position is both as exact text. */
export const newestFirst = <Id extends z.ZodType<string>>(id: Id) => z.tuple([exactMoment, id]);

/** What a cursor belongs to besides its list. */
export interface ListAsked {
  /** The organisation that is listed from; null for lists of the whole installation. */
  readonly organizationId: string | null;
  /** What was asked of the items and of their order: every field of the query but `limit` and `cursor`. */
  readonly filters?: Readonly<Record<string, string | number | boolean | null | undefined>>;
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/**
 * Walks through a list in pages: every item that exists throughout comes exactly once. A cursor says where the page
 * before ended, by the texts that the list is sorted by. It is bound to the list, its organisation and its filters, and
 * has no serial number that would tell a tenant how much others have.
 *
 * @example
 * const PAGES = new Pages('members', newestFirst(z.uuid()));
 * const after = PAGES.positionOf(query.cursor, { organizationId });
 * const rows = await store.list(organizationId, query.limit + 1, after);
 *   // … WHERE (created_at, id) < ($2::timestamptz, $3::uuid) ORDER BY created_at DESC, id DESC LIMIT $4
 * const page = PAGES.page(rows, query.limit, { organizationId }, (row) => [row.created_at_text, row.id]);
 * return listOf(page, memberObject);
 */
export class Pages<Position extends readonly string[]> {
  /** `position` reads the texts of a position of the list, and must refuse what SQL could not cast. */
  constructor(
    private readonly list: string,
    private readonly position: z.ZodType<Position>,
  ) {}

  /**
   * The position that a cursor names; null without a cursor.
   * @throws {Problem} `invalid_request` that names `field`, if the cursor is of another list, organisation or filter
   */
  positionOf(cursor: string | undefined, asked: ListAsked, field: 'cursor' | 'after' = 'cursor'): Position | null {
    if (cursor === undefined) return null;
    const read = this.position.safeParse(textsOf(cursor));
    // Written again, it must be the same: no two texts are one cursor, and a changed one is none.
    if (read.success && this.cursorOf(read.data, asked) === cursor) return read.data;
    throw notACursor(field);
  }

  /** The cursor of a position. */
  cursorOf(position: Position, asked: ListAsked): string {
    const text = JSON.stringify(position);
    return `${Buffer.from(text).toString('base64url')}.${this.check(text, asked)}`;
  }

  /** A page of `rows`, of which the list was asked for one more than `limit`. */
  page<T>(rows: readonly T[], limit: number, asked: ListAsked, positionOf: (row: T) => Position): Page<T> {
    const items = rows.slice(0, limit);
    const last = rows.length > limit ? items.at(-1) : undefined;
    return { items, nextCursor: last === undefined ? null : this.cursorOf(positionOf(last), asked) };
  }

  private check(text: string, { organizationId, filters = {} }: ListAsked): string {
    const given = Object.entries(filters).filter(([, value]) => value !== undefined);
    const sorted = given.sort(([one], [other]) => (one < other ? -1 : 1));
    return createHash('sha256')
      .update(JSON.stringify(['cursor 1', this.list, organizationId, sorted, text]))
      .digest()
      .subarray(0, CHECK_BYTES)
      .toString('base64url');
  }
}

/** The refusal of a cursor. */
export function notACursor(field: 'cursor' | 'after'): Problem {
  const message = 'must be the next_cursor of the page before, with the same filters';
  return new Problem('invalid_request', { errors: [{ path: field, message }] });
}

function textsOf(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor.split('.')[0] ?? '', 'base64url').toString());
  } catch {
    return null;
  }
}

/** The reply of a list. */
export const listOf = <T, Shown>({ items, nextCursor }: Page<T>, show: (item: T) => Shown) => ({
  object: 'list' as const,
  data: items.map(show),
  has_more: nextCursor !== null,
  next_cursor: nextCursor,
});

/** The schema of the reply of a list, named `id`, whose items have the schema `item`. */
export const listReply = <Item extends z.ZodType>(id: string, item: Item, example: z.input<Item>) =>
  z
    .object({
      object: z.literal('list'),
      data: z.array(item).readonly(),
      has_more: z.boolean(),
      next_cursor: z.string().nullable().describe('What to send as `cursor` for the next page; null on the last one.'),
    })
    .meta({ id, examples: [{ object: 'list', data: [example], has_more: false, next_cursor: null }] });
