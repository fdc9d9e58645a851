import { parseUsd } from '@tollgate/credit';

/**
 * An amount of USD from a request, exactly, as nano-USD: a decimal string, or a JSON number taken by its shortest
 * decimal form (0.1 is "0.1", whatever the double is). Null where it is negative, or has more than 9 decimals.
 */
export function readUsd(amount: string | number): bigint | null {
  return parseUsd(typeof amount === 'string' ? amount : shortestDecimal(amount));
}

/** JavaScript writes numbers below 1e-6 with an exponent: `1e-7` is `0.0000001`. */
function shortestDecimal(value: number): string {
  const text = String(value);
  const small = /^(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (small === null) return text;
  const [, first, rest = '', exponent] = small;
  return `0.${'0'.repeat(Number(exponent) - 1)}${first}${rest}`;
}
