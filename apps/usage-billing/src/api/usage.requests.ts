import { uuid } from '@tollgate/contracts';
import { z } from 'zod';

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text)).nullable().default(null);

/** `GET /v1/usage`. */
export const usageQuery = z.strictObject({ api_key_id: uuid.nullable().default(null), from: moment, to: moment })
  .refine(({ from, to }) => from === null || to === null || !(from > to), { path: ['from'], message: 'must not be after to' });

/** `GET /v1/usage/events`. */
export const usageEventsQuery = z.strictObject({ request_id: uuid });
