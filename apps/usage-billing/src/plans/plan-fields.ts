import { findSecrets } from '@tollgate/api-key';
import { uuid } from '@tollgate/contracts';
import { readAmount, usdAmount } from '@tollgate/http';
import { z } from 'zod';

const LIST_ITEMS_MAX = 100;
/** It is far above what any provider serves, and fits a 32-bit integer of Postgres. */
const RATE_LIMIT_MAX = 1_000_000_000;

/** An amount of a cycle, read as nano-USD. */
export const usd = usdAmount(0n).transform(readAmount);

/**
 * Names stand in lists, in the names of keys and on statements: one line, without characters that nobody sees. A plan
 * is asked for by its id or its name, so no name may look like an id.
 */
export const planName = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'must be one line without invisible characters')
  .regex(/[\p{L}\p{N}]/u, 'must have a letter or a digit')
  .refine((name) => !uuid.safeParse(name).success, 'must not look like an id')
  .refine((name) => findSecrets(name).length === 0, 'must have no secret of a key');

const model = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\s\p{Cc}\p{Cs}]*$/u, 'must have no spaces');
export const models = z.array(model).min(1).max(LIST_ITEMS_MAX).nullable();

const rateLimit = z.int().min(1).max(RATE_LIMIT_MAX).nullable();
/** Null is unlimited, for each of them. */
export const rateLimits = z.strictObject({
  requests_per_minute: rateLimit.optional(),
  tokens_per_minute: rateLimit.optional(),
  parallel_requests: rateLimit.optional(),
});
