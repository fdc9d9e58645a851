import { z } from 'zod';
import { count, id, instant, nanoUsd } from '../primitives.js';

/**
 * Bus topic; key `organizationId`; from usage-billing: the sums of the keys of an organisation that were used since the
 * last message. Sums are absolute, so a message may come twice, or after a later one.
 */
export const KEYS_USED_V1 = 'keys.used.v1';

/** The most addresses that are told of one secret. */
export const USED_ADDRESSES_MAX = 10;

/** What one secret of a key was used for since it was made. The newest addresses come first. */
const usedSecret = z.object({
  secretId: id,
  requests: count,
  chargedNanoUsd: nanoUsd,
  lastUsedAt: instant,
  addresses: z.array(z.object({ address: z.string(), lastUsedAt: instant })),
});

/** What one key was used for since it was made, and in the UTC day, week and month that `day` lies in. */
const usedKey = z.object({
  apiKeyId: id,
  /** Grows with every change of the sums: of two messages about one key the higher one counts. */
  sequence: count,
  requests: count,
  inputTokens: count,
  outputTokens: count,
  chargedNanoUsd: nanoUsd,
  /** The day, in UTC, on which this was written: the three sums below end with it. */
  day: z.iso.date(),
  chargedTodayNanoUsd: nanoUsd,
  chargedThisWeekNanoUsd: nanoUsd,
  chargedThisMonthNanoUsd: nanoUsd,
  lastUsedAt: instant,
  lastUsedFrom: z.string().nullable(),
  secrets: z.array(usedSecret),
});

export const keysUsedV1 = z.object({
  eventVersion: z.literal(1),
  organizationId: id,
  keys: z.array(usedKey),
});
/** Sums of used keys, as `keys.used.v1` carries them. */
export type KeysUsedV1 = z.infer<typeof keysUsedV1>;
