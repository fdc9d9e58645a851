import { USAGE_OUTCOMES, uuid } from '@tollgate/contracts';
import { pageQuery, Pages } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';
import { COUNT_MAX, ENTRIES_MAX } from '../ledger/book-usage/implausible-event.js';
import { QUARANTINE_CAUSES } from '../ledger/book-usage/read-usage-record.js';

/** What can have become of a quarantined event. */
export const QUARANTINE_STATES = ['open', 'replayed', 'discarded'] as const;

/** The query of `GET /v1/quarantine`. */
export const listQuarantineRequest = z.strictObject({
  ...pageQuery,
  state: z.enum(QUARANTINE_STATES).optional().describe('Only events of which this has become.'),
  cause: z.enum(QUARANTINE_CAUSES).optional().describe('Only events that are there for this cause.'),
  organization_id: z.string().min(1).max(200).optional().describe('Only events that name this organisation.'),
  api_key_id: z.string().min(1).max(200).optional().describe('Only events that name this key.'),
  request_id: uuid.optional().describe('Only events of this request.'),
});
export type ListQuarantineRequest = z.output<typeof listQuarantineRequest>;

const placeOf = z.string().regex(/^[1-9]\d{0,17}$/);

/** The event that a path names. */
export const quarantinePath = pathSchema(
  'quarantined_event_not_found',
  z.object({ id: placeOf.describe('The `id` of a quarantined event.') }),
);
export type QuarantinePath = z.output<typeof quarantinePath>;

const mendedCount = z.int().min(0).max(COUNT_MAX);
const mendedAmount = z
  .string()
  .max(16)
  .regex(/^(0|[1-9]\d{0,15})$/, 'must be a whole number of nano-USD');
const mendedMoment = z.iso.datetime({ precision: 3 }).max(30);
const mendedId = z.string().min(1).max(200);

/** What an operator can know better than the event: when, whose, how it ended, how much, and who pays for it. */
const mendedFields = z
  .strictObject({
    organizationId: mendedId,
    apiKeyId: mendedId,
    outcome: z.enum(USAGE_OUTCOMES),
    usageSource: z.enum(['provider', 'counted', 'none']),
    startedAt: mendedMoment,
    endedAt: mendedMoment,
    inputTokens: mendedCount,
    outputTokens: mendedCount,
    cachedInputTokens: mendedCount,
    reasoningTokens: mendedCount,
    textInputTokens: mendedCount,
    cachedTextTokens: mendedCount,
    textOutputTokens: mendedCount,
    costNanoUsd: mendedAmount,
    chargeNanoUsd: mendedAmount,
    holdNanoUsd: mendedAmount.nullable(),
    accounts: z
      .array(
        z.strictObject({
          accountId: mendedId,
          capNanoUsd: mendedAmount.nullable(),
          heldNanoUsd: mendedAmount.optional().describe('Of a grant: the part of the hold that stood on it.'),
        }),
      )
      .min(1)
      .max(ENTRIES_MAX)
      .describe('What is charged, the own account of the key first.'),
    priceLines: z.array(z.never()).max(0).describe('An empty list, where its lines do not add up to the cost.'),
  })
  .partial();

/** The body of `POST /v1/quarantine/{id}/replay`. */
export const replayRequest = z
  .strictObject({
    keep: z
      .enum(['first', 'second'])
      .optional()
      .describe(
        'Of a conflict: `first` leaves the request as it is booked; `second` books, under a request id of its own, what ' +
          'this content has more than is booked of it, earlier corrections included.',
      ),
    mend: mendedFields
      .optional()
      .describe(
        'Values for fields of the event, which take the place of its own. The request id stays, unless it was made at ' +
          'another time than the `startedAt` that is given: then the event is booked under an id of that time.',
      ),
  })
  .meta({
    id: 'ReplayQuarantinedEvent',
    examples: [{}, { keep: 'first' }, { mend: { endedAt: '2026-11-29T08:00:00.000Z' } }],
  });
export type ReplayRequest = z.output<typeof replayRequest>;

/** The body of `POST /v1/quarantine/{id}/discard`. */
export const discardRequest = z
  .strictObject({ reason: z.string().trim().min(1).max(500).describe('Why it will never be booked.') })
  .meta({ id: 'DiscardQuarantinedEvent', examples: [{ reason: 'Sent by a test against production.' }] });
export type DiscardRequest = z.output<typeof discardRequest>;

/** The list of quarantined events in pages, newest first. */
export const QUARANTINE_PAGES = new Pages('quarantine', z.tuple([placeOf]));
