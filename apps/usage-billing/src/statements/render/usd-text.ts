import { formatUsd } from '@tollgate/credit';

/** An exact amount of USD for people: two decimals at least, and as many as it has. `5n` is `0.000000005`. */
export function usdText(nanoUsd: bigint): string {
  const text = formatUsd(nanoUsd);
  const [whole = '0', decimals = ''] = text.split('.');
  return `${whole}.${decimals.padEnd(2, '0')}`;
}
