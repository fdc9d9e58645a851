import type { CapRaise } from '@tollgate/api-key';

/** More than a credit limit for a time, which ends by itself. */
export interface CreditRaise {
  /** What may be spent beyond the limit. */
  readonly amountNanoUsd: bigint;
  /** The first moment without it. */
  readonly until: Date;
}

/** The columns of a raise; both are null without one. */
export interface CreditRaiseColumns {
  readonly credit_raise_nano_usd: string | null;
  readonly credit_raise_until: Date | null;
}

/** The raise in the columns of a row. */
export function creditRaiseOf(row: CreditRaiseColumns): CreditRaise | null {
  const { credit_raise_nano_usd: amount, credit_raise_until: until } = row;
  return amount === null || until === null ? null : { amountNanoUsd: BigInt(amount), until };
}

/** The raise as gateways read it. They end it themselves, by the clock of admission. */
export function capRaiseOf({ amountNanoUsd, until }: CreditRaise): CapRaise {
  return { amountNanoUsd: amountNanoUsd.toString(), untilMs: until.getTime() };
}
