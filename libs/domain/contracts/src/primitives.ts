import { z } from 'zod';

/** A whole number of 1e-9 USD, 0 or more, as a decimal string: JSON numbers lose precision above 2^53. */
export const nanoUsd = z.string().regex(/^(0|[1-9]\d{0,18})$/, 'must be a whole number of nano-USD');
/** 64 hex digits: the stored HMAC of a secret. */
export const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits');
/** A moment in the format of RFC 3339, in UTC with milliseconds. */
export const instant = z.iso.datetime({ precision: 3 });
/** A whole number, 0 or more. */
export const count = z.int().nonnegative();
/** An id of any form; only its length is checked. */
export const id = z.string().min(1).max(200);
/**
 * The id of a key or a request that a caller sends. Ids are UUIDs, in which upper and lower case mean the same
 * (RFC 9562 §4); some databases and languages write them in upper case. They are converted to lower case here,
 * and nowhere else.
 */
export const uuid = z.guid().toLowerCase();

/**
 * Prices of one organisation: a version of 12 hex digits, and entries in the shape of `prices` in config.yaml, which
 * gateways read by the rules of that file.
 */
export const organizationPrices = z.object({
  version: z.string().regex(/^[0-9a-f]{12}$/),
  entries: z.array(z.record(z.string(), z.unknown())).readonly(),
});

/**
 * A list in the reply of another service, which may be of a later release. An item that this release cannot read is
 * left out, and the others are kept.
 */
export function readableItems<S extends z.ZodType>(item: S) {
  return z.array(z.unknown()).transform((items): z.output<S>[] =>
    items.flatMap((each) => {
      const read = item.safeParse(each);
      return read.success ? [read.data] : [];
    }),
  );
}
