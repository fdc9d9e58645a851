/** The highest cap of an account: 9,000,000 USD, so that every sum stays below 2^53 nano-USD. */
export const CAP_NANO_USD_MAX = 9_000_000_000_000_000n;

const NANO_PER_USD = 1_000_000_000n;
const USD_PATTERN = /^(\d{1,10})(?:\.(\d{1,9}))?$/;

/** Parses decimal USD (`"0.000123"`, at most 9 decimals, not negative) to nano-USD; null for any other text. */
export function parseUsd(text: string): bigint | null {
  const match = USD_PATTERN.exec(text);
  if (match === null) return null;
  return BigInt(match[1]!) * NANO_PER_USD + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** Nano-USD as a decimal string of USD without trailing zeros: `123000n` is `"0.000123"`. */
export function formatUsd(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? '-' : '';
  const value = nanoUsd < 0n ? -nanoUsd : nanoUsd;
  const fraction = (value % NANO_PER_USD).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${value / NANO_PER_USD}${fraction === '' ? '' : `.${fraction}`}`;
}
