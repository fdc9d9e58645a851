import { isLedgerText, USAGE_OUTCOMES, uuid } from '@tollgate/contracts';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { BUCKETS_MAX, bucketBounds, INTERVALS, type Interval } from './query-usage/bucket-bounds.js';
import { isTimeZone } from './query-usage/time-zone.js';
import { USAGE_FIELDS, type UsageField } from './query-usage/usage-fields.js';
import { USAGE_ORDERS } from './query-usage/usage-statement.js';

const moment = (description: string) =>
  shown(
    z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .refine(isInRange, 'must be a time of the years 2000 to 2199')
      .nullable()
      .default(null),
    { type: 'string', format: 'date-time', description },
  );
const idOf = (description: string) =>
  shown(uuid.nullable().default(null), { type: 'string', format: 'uuid', description });
const name = (description: string) =>
  shown(z.string().min(1).max(500).refine(isLedgerText, 'must hold no NUL').nullable().default(null), {
    type: 'string',
    minLength: 1,
    maxLength: 500,
    description,
  });

/** The most groups of one reply. */
const GROUPS_MAX = 1_000;
const GROUPED_MAX = 2;

/** What a group may also be called: as people say it, without `_id`. */
const SHORT_NAMES: ReadonlyMap<string, UsageField> = new Map(
  USAGE_FIELDS.map((field) => [field.replace(/^(api_)?(\w+)_id$/, '$2'), field]),
);

const groupBy = z
  .string()
  .max(100)
  .default('')
  .transform((text) => (text === '' ? [] : text.split(',').map((name) => SHORT_NAMES.get(name) ?? name)))
  .pipe(
    z
      .array(z.enum(USAGE_FIELDS))
      .max(GROUPED_MAX, `must be at most ${GROUPED_MAX} fields`)
      .refine((fields) => new Set(fields).size === fields.length, 'must not name a field twice'),
  );

const limit = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, `must be a whole number from 1 to ${GROUPS_MAX}`)
  .transform(Number)
  .refine((count) => count <= GROUPS_MAX, `must be a whole number from 1 to ${GROUPS_MAX}`)
  .default(GROUPS_MAX);

/** The query of `GET /v1/usage`. */
export const usageQuery = z
  .strictObject({
    api_key_id: idOf('The key that is asked about; without it, all keys.'),
    group_id: idOf(
      'Of calls that count in the budget of this group: of its keys, on routes that it opens and on those that are open to everyone.',
    ),
    project_id: idOf('Of keys of this project.'),
    member_id: idOf('Of keys of this member.'),
    model: name('The name that the provider has for it.'),
    provider: name('By its name in the configuration.'),
    route: name('What callers wrote as the model.'),
    status: shown(z.enum(USAGE_OUTCOMES).nullable().default(null), {
      enum: USAGE_OUTCOMES,
      description: 'How calls ended.',
    }),
    from: moment('Of calls that count then or later: by the start of a call, in the cycle its credit was held in.'),
    to: moment('Of calls that count before it.'),
    interval: shown(z.enum(INTERVALS).nullable().default(null), {
      enum: INTERVALS,
      description: 'Sums for each of these as well, in `series`.',
    }),
    group_by: shown(groupBy, {
      type: 'string',
      maxLength: 100,
      description: `Up to ${GROUPED_MAX} of ${USAGE_FIELDS.map((field) => `\`${field}\``).join(', ')}, with a comma between them. \`key\`, \`group\`, \`project\` and \`member\` say the same.`,
      example: 'api_key_id,model',
    }),
    order: shown(z.enum(USAGE_ORDERS).default('cost_usd'), {
      enum: USAGE_ORDERS,
      default: 'cost_usd',
      description: 'What the first groups have the most of.',
    }),
    limit: shown(limit, {
      type: 'integer',
      minimum: 1,
      maximum: GROUPS_MAX,
      default: GROUPS_MAX,
      description: 'The most groups of the reply.',
    }),
    tz: shown(
      z
        .string()
        .max(100)
        .default('UTC')
        .refine(isTimeZone, 'must be a name of the IANA time zone database, as Europe/Berlin'),
      {
        type: 'string',
        maxLength: 100,
        default: 'UTC',
        description: 'The IANA name of the time zone whose hours, days and months are summed up.',
      },
    ),
    format: shown(z.enum(['json', 'csv', 'ndjson']).default('json'), {
      enum: ['json', 'csv', 'ndjson'],
      default: 'json',
      description:
        'As `csv` and `ndjson` the reply is a line for each bucket and group, and every group is there. A reply that ' +
        'breaks off is not whole. An organisation is written four such replies at once.',
    }),
  })
  .refine(({ from, to }) => !isAfter(from, to), { path: ['from'], message: 'must not be after to' })
  .transform((query, context) => {
    const bounds = boundsOf(query, new Date());
    if (bounds !== null) return { ...query, bounds };
    const message = `has more than ${BUCKETS_MAX} of them between from and to`;
    context.addIssue({ code: 'custom', path: ['interval'], message });
    return z.NEVER;
  });

/** zod calls a refinement even if a field has failed; the field is then a text instead of a Date. */
function isAfter(from: unknown, to: unknown): boolean {
  return from instanceof Date && to instanceof Date && from > to;
}

function isInRange(moment: Date): boolean {
  return moment.getUTCFullYear() >= 2_000 && moment.getUTCFullYear() < 2_200;
}

/** How far a series reaches back if it says no beginning. */
const DEFAULT_MS: Readonly<Record<Interval, number>> = {
  minute: 3_600_000,
  hour: 86_400_000,
  day: 30 * 86_400_000,
  month: 365 * 86_400_000,
};

interface Period {
  readonly from: Date | null;
  readonly to: Date | null;
  readonly interval: Interval | null;
  readonly tz: string;
}

/** The bounds of the buckets; without an interval there is one, which may be without end. Null for too many. */
function boundsOf({ from, to, interval, tz }: Period, now: Date): readonly number[] | null {
  if (interval === null) return [from?.getTime() ?? -Infinity, to?.getTime() ?? Infinity];
  // Of a period that begins in the future nothing is left out, and nothing is in it.
  const toMs = to?.getTime() ?? Math.max(now.getTime(), from?.getTime() ?? -Infinity);
  return bucketBounds(from?.getTime() ?? toMs - DEFAULT_MS[interval], toMs, interval, tz);
}

/** The query of `GET /v1/usage/events`. */
export const usageEventsQuery = z.strictObject({
  request_id: uuid.describe('The `x-request-id` of the reply, in any case.'),
});

export type UsageQuery = z.output<typeof usageQuery>;

/** The fields that a query filters by, with their values. */
export function filtersOf(query: UsageQuery): Partial<Record<UsageField, string>> {
  return Object.fromEntries(USAGE_FIELDS.flatMap((field) => (query[field] === null ? [] : [[field, query[field]]])));
}
export type UsageEventsQuery = z.output<typeof usageEventsQuery>;
