const DECIMAL = /^(-?)(\d{1,12})(?:\.(\d{1,40}))?$/;
const EXPONENT = /^(-?)(\d)(?:\.(\d+))?e-(\d{1,3})$/;
const NANO_DIGITS = 9;

/**
 * An amount that a provider reports, as nano-USD, rounded to the nearest: providers report more decimals than a
 * nano-USD has. `unitDigits` are the decimals of a USD that the unit of the amount has: 2 for cents. Credits are
 * negative. Null for what is no decimal number.
 *
 * @example
 * decimalUsd('123.45', 2); // 1_234_500_000n: Anthropic reports cents
 * decimalUsd(0.06); // 60_000_000n
 */
export function decimalUsd(amount: string | number, unitDigits = 0): bigint | null {
  const match = DECIMAL.exec(plainText(String(amount)));
  if (match === null) return null;
  const [, sign, whole = '0', decimals = ''] = match;
  // One digit more than needed decides the rounding.
  const digits = `${whole}${decimals.padEnd(NANO_DIGITS - unitDigits + 1, '0')}`;
  const kept = digits.slice(0, whole.length + NANO_DIGITS - unitDigits + 1);
  const value = (BigInt(kept) + 5n) / 10n;
  return sign === '-' ? -value : value;
}

/** JavaScript writes small numbers with an exponent. */
function plainText(text: string): string {
  const match = EXPONENT.exec(text);
  if (match === null) return text;
  const [, sign = '', first = '0', rest = '', exponent] = match;
  return `${sign}0.${'0'.repeat(Number(exponent) - 1)}${first}${rest}`;
}
