/**
 * A larger body is taken to refer to something without being parsed, because parsing would delay all other requests.
 */
const BODY_BYTES_MAX = 1024 * 1024;

/** Names of models that search or read pages on their own, whatever the body says. */
const LOOKING_UP = /search|research|sonar|online|ground|compound|brows/i;

/** Fields of a chat body that refer to nothing outside the body. */
const FIELDS: ReadonlySet<string> = new Set([
  'audio',
  'best_of',
  'frequency_penalty',
  'function_call',
  'functions',
  'logit_bias',
  'logprobs',
  'max_completion_tokens',
  'max_tokens',
  'messages',
  'metadata',
  'min_p',
  'modalities',
  'model',
  'n',
  'parallel_tool_calls',
  'prediction',
  'presence_penalty',
  'prompt_cache_key',
  'prompt_cache_retention',
  'reasoning',
  'reasoning_effort',
  'repetition_penalty',
  'response_format',
  'safety_identifier',
  'seed',
  'service_tier',
  'stop',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'thinking',
  'tool_choice',
  'tools',
  'top_k',
  'top_logprobs',
  'top_p',
  'usage',
  'user',
  'verbosity',
]);
const MESSAGE_FIELDS: ReadonlySet<string> = new Set([
  'content',
  'function_call',
  'name',
  'prefix',
  'reasoning',
  'reasoning_content',
  'refusal',
  'role',
  'tool_call_id',
  'tool_calls',
]);
/** Types of parts that are text. */
const PART_TYPES: ReadonlySet<unknown> = new Set(['text', 'refusal', 'input_text', 'output_text']);
const PART_FIELDS: ReadonlySet<string> = new Set(['cache_control', 'refusal', 'text', 'type']);
/** Types of tools that the caller runs. The provider runs all others, and the model reads what they find. */
const TOOLS_OF_CALLER: ReadonlySet<unknown> = new Set(['function', 'custom', undefined]);

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether a model may have read more than the bytes of a chat body: an image, audio or a file that is given by
 * reference or compressed, what a tool of the provider found, or pages that the model looks up. Only known fields and
 * parts count as complete in themselves; all others count as more, since new ones appear faster than lists of them.
 */
export function mayReadMore(body: Buffer, model: string): boolean {
  if (body.length > BODY_BYTES_MAX || LOOKING_UP.test(model)) return true;
  let chat: unknown;
  try {
    chat = JSON.parse(body.toString('utf8'));
  } catch {
    return true;
  }
  if (!isObject(chat) || hasOther(chat, FIELDS)) return true;
  const { messages, tools } = chat;
  if (!isListOf(messages, isPlainMessage)) return true;
  return !isListOf(tools, (tool) => isObject(tool) && TOOLS_OF_CALLER.has(tool['type']));
}

function isPlainMessage(message: unknown): boolean {
  if (!isObject(message) || hasOther(message, MESSAGE_FIELDS)) return false;
  const { content } = message;
  return typeof content === 'string' || isListOf(content, isPlainPart);
}

function isPlainPart(part: unknown): boolean {
  return typeof part === 'string' || (isObject(part) && PART_TYPES.has(part['type']) && !hasOther(part, PART_FIELDS));
}

/** Whether a value is a list with such items only. Absent and null count as empty lists. */
function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  return (value ?? null) === null || (Array.isArray(value) && value.every(holds));
}

function hasOther(fields: Fields, known: ReadonlySet<string>): boolean {
  return Object.keys(fields).some((name) => !known.has(name) && fields[name] !== null);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
