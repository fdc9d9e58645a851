import { readUsd } from '@tollgate/credit';

/** Decimal USD as whole nano-USD. Throws for what the schema has refused before. */
export function nanoUsd(usd: string | number): bigint {
  const amount = readUsd(usd);
  if (amount === null) throw new Error('an amount of USD passed the schema that is none');
  return amount;
}
