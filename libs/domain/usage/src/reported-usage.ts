import type { UsageDetails } from './token-usage.js';

/** One report of a provider, in tokens; null for a side that it leaves out. */
export interface UsageReport {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** The part of the input that was read from a cache; at most the input. */
  readonly cachedInputTokens: number;
  /** The part of the output that was reasoning; at most the output. */
  readonly reasoningTokens: number;
  /** Absent if the report has none. */
  readonly details?: UsageDetails;
}

type Fields = Readonly<Record<string, unknown>>;
type Sides = readonly [input: number | null, output: number | null];

/** A larger number cannot be a count of tokens: no model reads or writes so many in a call. */
const TOKENS_MAX = 1_000_000_000;
/** Some relays write numbers as strings. */
const DIGITS = /^\d{1,10}(?:\.0+)?$/;
const NO_FIELDS: Fields = {};

/**
 * Reads one `usage` value in any known provider's form. Null if it gives neither side. Never throws.
 *
 * The forms differ as follows:
 * - A side has OpenAI's name or Anthropic's. Relays that know both send a zero under the name they do not use.
 * - Reasoning is part of `completion_tokens` (OpenAI, DeepSeek) or is added to it (xAI, Gemini). The total tells
 *   which: output is the total minus the input. If there is no total, or one that is less than the sum of the sides,
 *   the details decide: reasoning that is larger than `completion_tokens` is not part of it.
 * - Cached input is part of `prompt_tokens` (OpenAI and compatible providers) or is added to `input_tokens`
 *   (Anthropic). Under OpenAI's name it is added only if the total, or its size, allows no other reading.
 */
export function readUsage(usage: unknown): UsageReport | null {
  const fields = fieldsOf(usage);
  const prompt = fields['prompt_tokens'];
  const completion = fields['completion_tokens'];
  // OpenAI's own form, with a total that fits: nothing has to be added.
  if (isTold(prompt) && isTold(completion) && fields['total_tokens'] === prompt + completion && !isOfSearch(fields)) {
    const cached = cachedIn(fields);
    if (
      cached <= prompt &&
      (tokens(fields['input_tokens']) ?? 0) <= prompt &&
      (tokens(fields['output_tokens']) ?? 0) <= completion
    ) {
      return {
        inputTokens: prompt,
        outputTokens: completion,
        cachedInputTokens: cached,
        reasoningTokens: Math.min(reasoningIn(fields), completion),
      };
    }
  }
  const [input, output] = isOfSearch(fields) ? sidesOfSearch(fields) : sidesOf(fields);
  if (input === null && output === null) return null;
  return {
    inputTokens: input,
    outputTokens: output,
    cachedInputTokens: Math.min(cachedIn(fields), input ?? 0),
    reasoningTokens: Math.min(reasoningIn(fields), output ?? 0),
  };
}

/**
 * The report in a parsed document, which is a plain reply or one event of a stream; null if there is none. It can be at
 * the top level, in `x_groq` (Groq's streams) or in a choice (Kimi's streams). Several reports are merged, so that
 * zeros in one place do not hide a report in another.
 */
export function reportIn(document: unknown): UsageReport | null {
  const fields = fieldsOf(document);
  const report = mergeReports(readUsage(fields['usage']), readUsage(fieldsOf(fields['x_groq'])['usage']));
  const choices: readonly unknown[] = Array.isArray(fields['choices']) ? fields['choices'] : [];
  return choices.reduce<UsageReport | null>(
    (merged, choice) => mergeReports(merged, readUsage(fieldsOf(choice)['usage'])),
    report,
  );
}

/**
 * Merges two reports: each side is the larger of the two. Cached input comes from the report whose input is taken,
 * reasoning from the one whose output is. The order of the reports makes no difference.
 */
export function mergeReports(earlier: UsageReport | null, later: UsageReport | null): UsageReport | null {
  if (earlier === null || later === null) return earlier ?? later;
  const [inputTokens, cachedInputTokens] = largerSide(
    [earlier.inputTokens, earlier.cachedInputTokens],
    [later.inputTokens, later.cachedInputTokens],
  );
  const [outputTokens, reasoningTokens] = largerSide(
    [earlier.outputTokens, earlier.reasoningTokens],
    [later.outputTokens, later.reasoningTokens],
  );
  return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
}

type Side = readonly [tokens: number | null, part: number];

function largerSide(a: Side, b: Side): Side {
  if (a[0] === b[0]) return [a[0], Math.max(a[1], b[1])];
  return (a[0] ?? -1) > (b[0] ?? -1) ? a : b;
}

function sidesOf(fields: Fields): Sides {
  const completion = larger(tokens(fields['completion_tokens']), tokens(fields['output_tokens']));
  const total = tokens(fields['total_tokens']);
  const input = inputOf(fields, completion ?? 0, total);
  const output = outputOf(fields, input ?? 0, completion, total);
  // If input is missing or zero, it is the total minus the output.
  const told = input !== null && input > 0;
  return [!told && output !== null && output > 0 && total !== null && total > output ? total - output : input, output];
}

function inputOf(fields: Fields, completion: number, total: number | null): number | null {
  const prompt = tokens(fields['prompt_tokens']);
  const input = tokens(fields['input_tokens']);
  const cached = cachedIn(fields);
  const written = tokens(fields['cache_creation_input_tokens']) ?? 0;
  if (prompt === null || (prompt === 0 && input !== null && input > 0)) {
    // In Anthropic's form `input_tokens` excludes the tokens that were read from or written to the cache.
    return input === null ? prompt : capped(input + (tokens(fields['cache_read_input_tokens']) ?? 0) + written);
  }
  const isNamedAsAnthropicDoes = (tokens(fields['cache_read_input_tokens']) ?? 0) > 0;
  const reasoning = reasoningIn(fields);
  const excess = total === null ? -1 : total - prompt - completion;
  const isOnTop =
    excess < 0 || (excess === 0 && isNamedAsAnthropicDoes)
      ? cached > prompt
      : cached > 0 && excess !== reasoning && (excess === cached + written || excess === cached + written + reasoning);
  return isOnTop ? capped(prompt + cached + written) : larger(prompt, input);
}

function outputOf(fields: Fields, input: number, completion: number | null, total: number | null): number | null {
  // Without input, the total cannot be divided into its sides.
  if (input > 0 && total !== null && total >= input + (completion ?? 0)) return total - input;
  const reasoning = reasoningIn(fields);
  return reasoning > (completion ?? 0) ? capped((completion ?? 0) + reasoning) : completion;
}

/** Whether a value is a number of tokens above zero in its usual form. */
function isTold(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= TOKENS_MAX;
}

/** Whether a report is Perplexity's, which counts what was searched for. */
function isOfSearch(fields: Fields): boolean {
  return (tokens(fields['citation_tokens']) ?? 0) > 0 || (tokens(fields['num_search_queries']) ?? 0) > 0;
}

/**
 * Adds the pages that were read and the reasoning about them: they are charged, but neither side nor the total has
 * them.
 */
function sidesOfSearch(fields: Fields): Sides {
  const prompt = tokens(fields['prompt_tokens']);
  const completion = tokens(fields['completion_tokens']);
  const read = tokens(fields['citation_tokens']) ?? 0;
  return [
    prompt === null ? null : capped(prompt + read),
    completion === null ? null : capped(completion + reasoningIn(fields)),
  ];
}

/** The cached tokens under any of their names. Senders of several names put zero under those that they do not use. */
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

/** A whole number of tokens; null for any other value. */
function tokens(value: unknown): number | null {
  const number = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0 || number > TOKENS_MAX) return null;
  // Turns JSON's negative zero into zero.
  return number + 0;
}
