/** What one report of a provider says, in tokens; null for a side that it does not tell. */
export interface UsageReport {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** The part of the input that was read from a cache: never more than the input. */
  readonly cachedInputTokens: number;
  /** The part of the output that was reasoning: never more than the output. */
  readonly reasoningTokens: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Above this a number is no count of tokens: no model takes or writes so many in a call. */
const TOKENS_MAX = 1_000_000_000;
/** Some relays, written in languages without whole numbers in JSON, send digits as text. */
const DIGITS = /^\d{1,10}(?:\.0+)?$/;
const NO_FIELDS: Fields = {};

/**
 * Reads one `usage` value in any known provider's shape; null where it tells neither side. Never throws.
 *
 * What the shapes differ in, and what is made of it:
 * - A side has OpenAI's name or Anthropic's. Relays that know both send a zero under the name they do not use.
 * - Reasoning is part of `completion_tokens` (OpenAI, DeepSeek) or comes on top of it (xAI, Gemini). The total tells
 *   which: output is whatever the total has besides the input. Without a total, reasoning that is larger than
 *   `completion_tokens` cannot be a part of it. With a total that fits, it is believed, whatever the details say.
 * - Cached input is part of `prompt_tokens` (OpenAI and those who follow it) or comes on top of `input_tokens`
 *   (Anthropic). Under OpenAI's name it came on top only where the total, or its size, leaves nothing else.
 */
export function readUsage(usage: unknown): UsageReport | null {
  const fields = fieldsOf(usage);
  const named = { prompt: tokens(fields['prompt_tokens']), completion: tokens(fields['completion_tokens']) };
  const completion = larger(named.completion, tokens(fields['output_tokens']));
  const total = tokens(fields['total_tokens']);
  const reasoning = reasoningIn(fields);
  const input = inputOf(fields, named.prompt, completion, total, reasoning);
  const output = outputOf(input, completion, total, reasoning);
  const inputTokens = input !== null && input > 0 ? input : (inputByTotal(output, total) ?? input);
  if (inputTokens === null && output === null) return null;
  return {
    inputTokens,
    outputTokens: output,
    cachedInputTokens: Math.min(cachedIn(fields), inputTokens ?? 0),
    reasoningTokens: Math.min(reasoning, output ?? 0),
  };
}

/**
 * The report of a whole document, which is a plain reply or one event of a stream, already parsed; null where it has
 * none. It stands at the top, in `x_groq` (Groq's streams) or in a choice (Kimi's streams); where several are told,
 * they are merged, so that zeros at one place do not hide a report at another.
 */
export function reportIn(document: unknown): UsageReport | null {
  const fields = fieldsOf(document);
  let report = mergeReports(readUsage(fields['usage']), readUsage(fieldsOf(fields['x_groq'])['usage']));
  const choices = fields['choices'];
  if (Array.isArray(choices)) for (const choice of choices) report = mergeReports(report, readUsage(fieldsOf(choice)['usage']));
  return report;
}

/**
 * Both reports as one: a later report never lowers an earlier one, side by side. Cached input comes from the report
 * whose input is taken, reasoning from the one whose output is. The order of the reports makes no difference.
 */
export function mergeReports(earlier: UsageReport | null, later: UsageReport | null): UsageReport | null {
  if (earlier === null || later === null) return earlier ?? later;
  const [inputTokens, cachedInputTokens] = largerSide(earlier.inputTokens, earlier.cachedInputTokens, later.inputTokens, later.cachedInputTokens);
  const [outputTokens, reasoningTokens] = largerSide(earlier.outputTokens, earlier.reasoningTokens, later.outputTokens, later.reasoningTokens);
  return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
}

function largerSide(a: number | null, partOfA: number, b: number | null, partOfB: number): [number | null, number] {
  if (a === b) return [a, Math.max(partOfA, partOfB)];
  return (a ?? -1) > (b ?? -1) ? [a, partOfA] : [b, partOfB];
}

function inputOf(fields: Fields, prompt: number | null, completion: number | null, total: number | null, reasoning: number): number | null {
  const read = tokens(fields['cache_read_input_tokens']) ?? 0;
  const written = tokens(fields['cache_creation_input_tokens']) ?? 0;
  const input = tokens(fields['input_tokens']);
  // Anthropic's own names: what was read from the cache or written to it is not in `input_tokens`.
  if (prompt === null || (prompt === 0 && (input ?? 0) > 0)) return input === null ? prompt : capped(input + read + written);
  if (read + written > prompt) return capped(prompt + read + written);
  const named = Math.max(prompt, input ?? 0);
  const excess = total === null ? 0 : total - named - (completion ?? 0);
  const cached = cachedIn(fields);
  const onTop = cached > 0 && excess !== reasoning && (excess === cached + written || excess === cached + written + reasoning);
  return onTop ? named + cached + written : named;
}

function outputOf(input: number | null, completion: number | null, total: number | null, reasoning: number): number | null {
  if (input !== null && input > 0 && total !== null && total >= input + (completion ?? 0)) return total - input;
  if (reasoning > (completion ?? 0)) return capped((completion ?? 0) + reasoning);
  return completion;
}

/** Input that is not told, or told as zero, is what the total has besides the output. */
function inputByTotal(output: number | null, total: number | null): number | null {
  return output !== null && output > 0 && total !== null && total > output ? total - output : null;
}

/** The names of one and the same number; who sends several sends zero under those it does not use. */
function cachedIn(fields: Fields): number {
  return Math.max(
    tokens(fieldsOf(fields['prompt_tokens_details'])['cached_tokens']) ?? 0,
    tokens(fieldsOf(fields['prompt_token_details'])['cached_tokens']) ?? 0,
    tokens(fieldsOf(fields['input_tokens_details'])['cached_tokens']) ?? 0,
    tokens(fields['prompt_cache_hit_tokens']) ?? 0,
    tokens(fields['cache_read_input_tokens']) ?? 0,
    tokens(fields['cached_tokens']) ?? 0,
    tokens(fields['num_cached_tokens']) ?? 0,
  );
}

function reasoningIn(fields: Fields): number {
  return Math.max(
    tokens(fieldsOf(fields['completion_tokens_details'])['reasoning_tokens']) ?? 0,
    tokens(fieldsOf(fields['output_tokens_details'])['reasoning_tokens']) ?? 0,
    tokens(fields['reasoning_tokens']) ?? 0,
  );
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NO_FIELDS;
}

function larger(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

function capped(sum: number): number {
  return Math.min(sum, TOKENS_MAX);
}

/** A whole number of tokens; null for whatever else stands in its place. */
function tokens(value: unknown): number | null {
  const number = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 && number <= TOKENS_MAX ? number : null;
}
