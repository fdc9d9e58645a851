/**
 * What an error of a provider is about, as far as clients act on it: an agent shortens its conversation after
 * `context_length`, waits after `rate_limit` and `overloaded`, and gives up after `quota`. All other errors have no
 * kind, and are told as they came.
 */
export type ErrorKind =
  /** The input, or the input with the ceiling of the output, is longer than the context of the model. */
  | 'context_length'
  /** A policy of the provider forbids the content. */
  | 'content_filter'
  /** The request has too many bytes. */
  | 'request_too_large'
  | 'model_not_found'
  | 'rate_limit'
  | 'overloaded'
  /** The credit of an account is used up. */
  | 'quota'
  | 'authentication'
  | 'permission'
  | 'timeout';

/** What an error says of itself, in any dialect. */
interface ErrorMarks {
  /** Its names: the values of `code`, `type` and `status` that are texts, in the order in which they are believed. */
  readonly names: readonly string[];
  /** The HTTP status that it came with or that it names; null for none. */
  readonly status: number | null;
  readonly message: string | null;
}

/** Names of errors, in lower case: of OpenAI, Azure, Anthropic, Google, llama.cpp, OpenRouter, and of this gateway. */
const NAMES: readonly (readonly [kind: ErrorKind, names: string])[] = [
  [
    'context_length',
    'context_length_exceeded context_window_exceeded model_context_window_exceeded exceed_context_size_error ' +
      'prompt_too_long model_max_prompt_tokens_exceeded',
  ],
  [
    'content_filter',
    'content_filter content_policy_violation invalid_prompt cyber_policy bio_policy responsibleaipolicyviolation ' +
      'data_inspection_failed moderation_blocked',
  ],
  ['request_too_large', 'request_too_large payload_too_large body_too_large'],
  ['model_not_found', 'model_not_found'],
  [
    'rate_limit',
    'rate_limit_error rate_limit_exceeded rate_limit_reached too_many_requests resource_exhausted provider_overloaded',
  ],
  [
    'overloaded',
    'overloaded_error overloaded server_is_overloaded server_overloaded slow_down engine_overloaded ' +
      'engine_overloaded_error service_unavailable unavailable provider_busy',
  ],
  [
    'quota',
    'insufficient_quota billing_error billing_not_active billing_hard_limit_reached credit_balance_exhausted ' +
      'insufficient_credits insufficient_balance payment_required quota_exceeded',
  ],
  ['authentication', 'authentication_error invalid_api_key invalid_authentication unauthorized unauthenticated'],
  ['permission', 'permission_error permission_denied'],
  ['timeout', 'timeout_error request_timeout gateway_timeout deadline_exceeded provider_timeout'],
];
const KIND_OF_NAME: ReadonlyMap<string, ErrorKind> = new Map(
  NAMES.flatMap(([kind, names]) => names.split(' ').map((name) => [name, kind] as const)),
);

const KIND_OF_STATUS: ReadonlyMap<number | null, ErrorKind> = new Map([
  [401, 'authentication'],
  [402, 'quota'],
  [403, 'permission'],
  [408, 'timeout'],
  [413, 'request_too_large'],
  [429, 'rate_limit'],
  [503, 'overloaded'],
  [504, 'timeout'],
  [529, 'overloaded'],
]);

/**
 * Phrases by which an error tells its kind where no name does. Their makers, in order: Anthropic, twice; OpenAI, vLLM,
 * DeepSeek, Mistral and OpenRouter; xAI; OpenAI and MiniMax; Bedrock; llama.cpp; LM Studio and SGLang; Gemini; Groq;
 * Kimi; Ollama; Qwen.
 */
const TOO_LONG = [
  /prompt is too long/,
  /exceed context limit/,
  /maximum context length/,
  /maximum prompt length/,
  /exceeds? (?:the |this |its )?(?:model's |maximum )?context window/,
  /context window exceeds/,
  /input is too long/,
  /exceeds? the available context size/,
  /(?:greater|longer) than the (?:model's )?context length/,
  /input token count .{0,40}exceeds the maximum/,
  /reduce the length of the (?:messages|prompt|input)/,
  /exceeded model token limit/,
  /prompt too long/,
  /range of input length should be/,
];
const FILTERED = [/content filtering policy/, /content management policy/, /usage polic(?:y|ies)/];
/** Anthropic refuses with status 400 what our account there cannot pay for. */
const UNPAID = [/^your credit balance is too low/, /^you have reached your specified api usage limits/];
const NO_MODEL = [/^model: /, /\bmodel\b.{0,200}(?:does not exist|not found|not exist)/];

/** Statuses, and the absence of one, with which the words of an error are about the request and no other trouble. */
const OF_REQUEST: ReadonlySet<number | null> = new Set([null, 400, 404, 413, 422]);
const NOT_FOUND_NAME = /^not_?found/;
/** Longer texts are not looked through. In UTF-16 units. */
const SEARCHED_MAX = 2_000;

/** The kind of an error: by its names, else by the words of an error about the request, else by its status. */
export function kindOf({ names, status, message }: ErrorMarks): ErrorKind | null {
  const known = names.map((name) => name.toLowerCase());
  for (const name of known) {
    const kind = KIND_OF_NAME.get(name);
    if (kind !== undefined) return kind;
  }
  const isNotFound = status === 404 || known.some((name) => NOT_FOUND_NAME.test(name));
  const told = message === null || !OF_REQUEST.has(status) ? null : kindOfWords(message, isNotFound);
  return told ?? KIND_OF_STATUS.get(status) ?? null;
}

function kindOfWords(message: string, isNotFound: boolean): ErrorKind | null {
  const words = message.slice(0, SEARCHED_MAX).toLowerCase();
  const has = (phrases: readonly RegExp[]): boolean => phrases.some((phrase) => phrase.test(words));
  if (isNotFound) return has(NO_MODEL) ? 'model_not_found' : null;
  if (has(TOO_LONG)) return 'context_length';
  if (has(UNPAID)) return 'quota';
  return has(FILTERED) ? 'content_filter' : null;
}
