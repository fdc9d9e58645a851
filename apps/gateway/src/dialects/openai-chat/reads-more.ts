/** A body above this is taken to refer to something without being read: that would hold up every other request. */
const BODY_BYTES_MAX = 1024 * 1024;

/** Models that search or read pages by themselves, whatever the body says; their names say so. */
const LOOKING_UP = /search|research|sonar|online|ground|compound|brows/i;

/** Fields of a chat body in which everything that a model reads stands in the body itself. */
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
/** Kinds of parts that are text. */
const PART_TYPES: ReadonlySet<unknown> = new Set(['text', 'refusal', 'input_text', 'output_text']);
const PART_FIELDS: ReadonlySet<string> = new Set(['cache_control', 'refusal', 'text', 'type']);
/** Tools that the caller runs; the provider runs all others, and reads what they find. */
const TOOLS_OF_CALLER: ReadonlySet<unknown> = new Set(['function', 'custom', undefined]);

type Fields = Readonly<Record<string, unknown>>;

/**
 * Whether a provider may have read more than the bytes of a chat body say: an image, audio or a file, given by
 * reference or compressed; what a tool of its own has found; what its model looks up by itself. Known is what stands
 * for itself, and anything else counts as more: new fields and parts come faster than lists of them.
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

/** Absent and null are lists of nothing. */
function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  return (value ?? null) === null || (Array.isArray(value) && value.every(holds));
}

function hasOther(fields: Fields, known: ReadonlySet<string>): boolean {
  return Object.keys(fields).some((name) => !known.has(name) && fields[name] !== null);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
