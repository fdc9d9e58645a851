import { z } from 'zod';

/** A whole number of 1e-9 USD as a decimal string, 0 or more: JSON numbers lose bits above 2^53. */
export const nanoUsd = z.string().regex(/^(0|[1-9]\d{0,18})$/, 'must be a whole number of nano-USD');
/** 64 hex digits: the stored HMAC of a secret. */
export const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits');
/** A moment, RFC 3339 in UTC with milliseconds. */
export const instant = z.iso.datetime({ precision: 3 });
export const count = z.int().nonnegative();
export const id = z.string().min(1).max(200);
