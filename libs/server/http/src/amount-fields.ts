import { CAP_NANO_USD_MAX, formatUsd, readUsd } from '@tollgate/credit';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { Problem } from './problem.js';
import type { FieldError } from '@tollgate/errors';

const DAY_MS = 86_400_000;
/** The longest time for which a limit can be raised, in days. */
const RAISE_DAYS_MAX = 366;

/**
 * An amount of USD in the body of a request, of `least` nano-USD or more: a decimal string, which is exact, or a
 * number. `readAmount` reads it.
 */
export function usdAmount(least: bigint, description?: string) {
  const bounds = `must be an amount in USD from ${formatUsd(least)} to ${formatUsd(CAP_NANO_USD_MAX)} with at most 9 decimals`;
  return shown(
    z.union([z.string(), z.number()], bounds).refine((amount) => {
      const nanoUsd = readUsd(amount);
      return nanoUsd !== null && nanoUsd >= least && nanoUsd <= CAP_NANO_USD_MAX;
    }, bounds),
    {
      anyOf: [
        { type: 'string', pattern: String.raw`^\d{1,7}(\.\d{1,9})?$` },
        { type: 'number', minimum: Number(formatUsd(least)), maximum: Number(formatUsd(CAP_NANO_USD_MAX)) },
      ],
      ...(description !== undefined && { description }),
    },
  );
}

/**
 * An amount that `usdAmount` has let through, in nano-USD.
 * @throws {Error} for any other: none may be read as 0, nor as no limit
 */
export function readAmount(amount: string | number): bigint {
  const nanoUsd = readUsd(amount);
  if (nanoUsd === null) throw new Error('an amount was not read by its schema');
  return nanoUsd;
}

/** A raise of a limit in the body of a request; null takes it back. */
export const creditLimitRaise = z
  .strictObject({
    amount_usd: usdAmount(0n, 'What may be spent beyond the limit.'),
    until: z.iso
      .datetime({ offset: true })
      .describe(`The first moment without it, in the future and at most ${RAISE_DAYS_MAX} days ahead.`),
  })
  .nullable()
  .describe('More than the limit for a time, which ends by itself. Null takes it back.');
export type CreditLimitRaise = z.output<typeof creditLimitRaise>;

/** A raise as replies show it. */
export const creditLimitRaiseReply = z
  .object({ amount_usd: z.string(), until: z.string().meta({ format: 'date-time' }) })
  .nullable()
  .describe('More than the limit until a moment; null for none, and once it has ended.');

interface Raise {
  readonly amountNanoUsd: bigint;
  readonly until: Date;
}

/** The raise of a limit after a request, or the field that is at fault. */
export type AskedRaise =
  { readonly kind: 'valid'; readonly raise: Raise | null } | { readonly kind: 'invalid'; readonly error: FieldError };

/**
 * What becomes of the raise of a limit. `asked` is undefined where a request leaves it as it is: then `present` goes
 * on, and is lost only with the limit itself. `capNanoUsd` is the limit after the request; null is unlimited.
 */
export function askedRaise(
  asked: CreditLimitRaise | undefined,
  present: Raise | null,
  capNanoUsd: bigint | null,
  now: Date,
): AskedRaise {
  if (asked === null) return { kind: 'valid', raise: null };
  if (asked === undefined) {
    if (present === null || capNanoUsd === null) return { kind: 'valid', raise: null };
    const isTooMuch = present.until > now && capNanoUsd + present.amountNanoUsd > CAP_NANO_USD_MAX;
    return isTooMuch ? fault('', TOO_MUCH) : { kind: 'valid', raise: present };
  }
  const raise = { amountNanoUsd: readAmount(asked.amount_usd), until: new Date(asked.until) };
  if (capNanoUsd === null) return fault('', 'needs a limit: what is unlimited cannot be raised');
  if (capNanoUsd + raise.amountNanoUsd > CAP_NANO_USD_MAX) return fault('.amount_usd', TOO_MUCH);
  if (raise.until <= now) return fault('.until', 'must be in the future');
  if (raise.until.getTime() - now.getTime() > RAISE_DAYS_MAX * DAY_MS)
    return fault('.until', `must be at most ${RAISE_DAYS_MAX} days ahead`);
  return { kind: 'valid', raise };
}

const TOO_MUCH = `and the limit may be at most ${formatUsd(CAP_NANO_USD_MAX)} USD together`;

const fault = (field: string, message: string): AskedRaise => ({
  kind: 'invalid',
  error: { path: `credit_limit_raise${field}`, message },
});

/**
 * The raise of `askedRaise`.
 * @throws {Problem} `invalid_request` that names the field and the bound
 */
export function raiseOrRefused(asked: AskedRaise): Raise | null {
  if (asked.kind === 'invalid') throw new Problem('invalid_request', { errors: [asked.error] });
  return asked.raise;
}

/** A raise for a reply: null for none, and for one that has ended. */
export function creditLimitRaiseObject(raise: Raise | null, now: Date): { amount_usd: string; until: string } | null {
  if (raise === null || raise.until <= now) return null;
  return { amount_usd: formatUsd(raise.amountNanoUsd), until: raise.until.toISOString() };
}

/** A limit with what a raise adds to it at `now`; null is unlimited. */
export function raisedLimit(capNanoUsd: bigint | null, raise: Raise | null, now: Date): bigint | null {
  return capNanoUsd === null || raise === null || raise.until <= now ? capNanoUsd : capNanoUsd + raise.amountNanoUsd;
}
