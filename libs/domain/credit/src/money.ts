/** The highest cap of an account: 9,000,000 USD, so that every sum stays below 2^53 nano-USD. */
export const CAP_NANO_USD_MAX = 9_000_000_000_000_000n;

const NANO_PER_USD = 1_000_000_000n;
/** Doubles with 52 bits behind the first one are 2^-30 apart below 2^23, and 2^-29, some 1.9e-9, from there on. */
const EXACT_DECIMALS_BELOW = 2 ** 23;
const USD_PATTERN = /^(\d{1,10})(?:\.(\d{1,9}))?$/;

/**
 * Reads an amount of USD that a person wrote as exact nano-USD. It takes a decimal string (`"0.000123"`), or a number
 * by its shortest decimal form (0.1 is read as "0.1", although the double differs). Null if the amount is negative, has
 * more than 9 decimals or more than 10 digits before them, or has any other form; and for a number with decimals from
 * 8,388,608 on, because a parser of JSON may have made it of another one: its neighbours are more than 1e-9 away.
 */
export function readUsd(amount: string | number): bigint | null {
  if (typeof amount === 'number' && amount >= EXACT_DECIMALS_BELOW && !Number.isInteger(amount)) return null;
  const match = USD_PATTERN.exec(typeof amount === 'string' ? amount : shortestDecimal(amount));
  if (match === null) return null;
  const [, whole = '0', decimals = ''] = match;
  return BigInt(whole) * NANO_PER_USD + BigInt(decimals.padEnd(9, '0'));
}

/** JavaScript writes numbers below 1e-6 with an exponent: `1e-7` is `0.0000001`. */
function shortestDecimal(value: number): string {
  const text = String(value);
  const small = /^(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (small === null) return text;
  const [, first, rest = '', exponent] = small;
  return `0.${'0'.repeat(Number(exponent) - 1)}${first}${rest}`;
}

/** Nano-USD as a decimal string of USD without trailing zeros: `123000n` is `"0.000123"`. */
export function formatUsd(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? '-' : '';
  const value = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  const fraction = (value % NANO_PER_USD).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${value / NANO_PER_USD}${fraction === '' ? '' : `.${fraction}`}`;
}
