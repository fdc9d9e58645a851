import { parseUsd } from '@tollgate/credit';

/**
 * Converts an amount in USD from a request to nano-USD, exactly. A JSON number is read in its shortest decimal form, so
 * 0.1 means 0.1 and not the value of the double. Null if it is negative, has more than 9 decimals or is not a number.
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
