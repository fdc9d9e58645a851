import { uuid } from '@tollgate/contracts';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';

const moment = (description: string) =>
  shown(
    z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .nullable()
      .default(null),
    { type: 'string', format: 'date-time', description },
  );
const keyId = shown(uuid.nullable().default(null), {
  type: 'string',
  format: 'uuid',
  description: 'The key that is asked about; without it, all keys.',
});

/** The query of `GET /v1/usage`. */
export const usageQuery = z
  .strictObject({
    api_key_id: keyId,
    from: moment('Of requests that ended then or later.'),
    to: moment('Of requests that ended before it.'),
  })
  .refine(({ from, to }) => !isAfter(from, to), { path: ['from'], message: 'must not be after to' });

/** zod calls a refinement even if a field has failed; the field is then a text instead of a Date. */
function isAfter(from: unknown, to: unknown): boolean {
  return from instanceof Date && to instanceof Date && from > to;
}

/** The query of `GET /v1/usage/events`. */
export const usageEventsQuery = z.strictObject({
  request_id: uuid.describe('The `x-request-id` of the reply, in any case.'),
});

export type UsageQuery = z.output<typeof usageQuery>;
export type UsageEventsQuery = z.output<typeof usageEventsQuery>;
