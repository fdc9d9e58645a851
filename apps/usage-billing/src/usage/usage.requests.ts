import { uuid } from '@tollgate/contracts';
import { z } from 'zod';

const moment = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .nullable()
  .default(null);

/** `GET /v1/usage`. */
export const usageQuery = z
  .strictObject({ api_key_id: uuid.nullable().default(null), from: moment, to: moment })
  .refine(({ from, to }) => !isAfter(from, to), { path: ['from'], message: 'must not be after to' });

/** Asked as well of what has failed already, which is then a text and no moment. */
function isAfter(from: unknown, to: unknown): boolean {
  return from instanceof Date && to instanceof Date && from > to;
}

/** `GET /v1/usage/events`. */
export const usageEventsQuery = z.strictObject({ request_id: uuid });
