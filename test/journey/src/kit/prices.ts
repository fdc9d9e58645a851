/** What a model costs, in USD for a million tokens, as `config.yaml` has it. */
interface Price {
  readonly input: string;
  readonly output: string;
  readonly maxOutputTokens?: number;
}

/** What the models of the test configuration cost: a name with `*` at its end stands for all that begin so. */
export const prices = {
  'gpt-4o-mini': { input: '0.15', output: '0.60', maxOutputTokens: 16_384 },
  /** Tokens cost fractions of a nano-USD here, so rounding shows. */
  'gpt-4.1-nano': { input: '0.0123', output: '0.0457', maxOutputTokens: 1_000 },
  'text-embedding-3-small': { input: '0.02', output: '0', maxOutputTokens: 1 },
  'any-*': { input: '1', output: '2' },
  'gpt-5-*': { input: '1.25', output: '10' },
  'claude-*': { input: '3', output: '15' },
  'deployed-*': { input: '1', output: '2' },
} as const satisfies Readonly<Record<string, Price>>;

/** The price of a model; throws for one that the test configuration has no price for. */
function priceOf(model: string): Price {
  const priced = Object.entries(prices).find(([name]) =>
    name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : model === name,
  );
  if (priced === undefined) throw new RangeError(`the test configuration has no price for the model ${model}`);
  return priced[1];
}

/**
 * What a call must cost, in nano-USD: exact, a fraction of one rounded up. Computed here on its own, as the oracle of
 * what Tollgate charges. Throws for a model without a price.
 */
export function costNanoUsd(model: string, inputTokens: number, outputTokens: number): bigint {
  const { input, output } = priceOf(model);
  const sum = BigInt(inputTokens) * nanoUsd(input) + BigInt(outputTokens) * nanoUsd(output);
  return (sum + 999_999n) / 1_000_000n;
}

/**
 * What a call holds before it is sent, in nano-USD: body bytes + 64 tokens of input, `outputTokensMax` of output.
 */
export function holdNanoUsd(model: string, bodyBytes: number, outputTokensMax: number): bigint {
  return costNanoUsd(model, bodyBytes + 64, outputTokensMax);
}

/** Decimal USD as whole nano-USD; throws on anything else, floats in exponent form included. */
export function nanoUsd(usd: string): bigint {
  const match = /^(\d+)(?:\.(\d{1,9}))?$/.exec(usd);
  if (!match) throw new RangeError(`not a decimal amount of USD: ${usd}`);
  return BigInt(match[1]!) * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** Whole nano-USD as decimal USD without trailing zeros, as the API writes it. */
export function usd(nano: bigint): string {
  const digits = nano.toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return digits.slice(0, -9) + (fraction === '' ? '' : `.${fraction}`);
}
