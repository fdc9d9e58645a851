import type { FieldNote, JsonObject } from '../dialect-codec.js';

const HINT = 'It is a hint for caches of OpenAI, and changes no answer.';
const ECHO = 'Clients send it back with an answer of before; it says nothing to a model.';

/** What a chat request may have that another dialect is not told. */
export const HARMLESS: readonly FieldNote[] = [
  { field: 'stream_options', why: 'The gateway itself decides whether a stream shows its usage.' },
  { field: 'usage', why: 'The gateway itself decides whether an answer shows its usage.' },
  { field: 'prompt_cache_options', why: HINT },
  { field: 'prompt_cache_retention', why: HINT },
  { field: 'store', why: 'Nothing is kept: an answer cannot be asked for again.' },
  { field: 'user', why: 'It is left out beside `safety_identifier`, which says the same.' },
  { field: 'messages[].name', why: 'It is a label that other makers do not have; the text is what counts.' },
  { field: 'messages[].content[].prompt_cache_breakpoint', why: HINT },
  { field: 'messages[].annotations', why: ECHO },
  { field: 'messages[].parsed', why: ECHO },
  { field: 'messages[].provider_specific_fields', why: ECHO },
  { field: 'messages[].tool_calls[].index', why: ECHO },
  { field: 'messages[].extra_content', why: 'It is sealed for the maker of another model.' },
  { field: 'messages[].tool_calls[].extra_content', why: 'It is sealed for the maker of another model.' },
  { field: 'messages[].tool_calls[].provider_specific_fields', why: ECHO },
];

const ONE_ANSWER = 'Other dialects give one answer, of text.';

/** A field that cannot be carried unless its value asks for nothing. */
export interface RefusedField extends FieldNote {
  /** Whether a value that is not null asks for nothing. */
  isIdle(value: unknown): boolean;
}

const never = (): boolean => false;

/** What a chat request cannot have on its way to another dialect. */
export const REFUSED: readonly RefusedField[] = [
  { field: 'n', why: ONE_ANSWER, isIdle: (value) => value === 1 },
  { field: 'modalities', why: ONE_ANSWER, isIdle: (value) => JSON.stringify(value) === '["text"]' },
  { field: 'audio', why: ONE_ANSWER, isIdle: never },
  { field: 'prediction', why: 'A predicted answer is known to OpenAI alone.', isIdle: never },
  { field: 'web_search_options', why: 'The search of these models is known to OpenAI alone.', isIdle: never },
  {
    field: 'moderation',
    why: 'It names another model, which would read the request too.',
    isIdle: never,
    isRefusedAlways: true,
  },
  { field: 'functions', why: 'Set `tools` instead.', isIdle: never },
  { field: 'function_call', why: 'Set `tool_choice` instead.', isIdle: never },
];

/** Fields of a chat request that are read, or dropped as harmless, or refused with a reason of their own. */
export const REQUEST_FIELDS: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'tools', 'tool_choice', 'parallel_tool_calls', 'response_format'],
  ...['max_tokens', 'max_completion_tokens', 'stop', 'temperature', 'top_p', 'seed', 'stream'],
  ...['frequency_penalty', 'presence_penalty', 'logit_bias', 'logprobs', 'top_logprobs'],
  ...['reasoning_effort', 'reasoning', 'include_reasoning', 'thinking', 'verbosity'],
  ...['user', 'safety_identifier', 'metadata', 'prompt_cache_key', 'service_tier'],
  ...['stream_options', 'usage', 'prompt_cache_options', 'prompt_cache_retention', 'store'],
  ...REFUSED.map(({ field }) => field),
]);

/** The fields of messages, by role, beside `role`, `content`, `name` and `cache_control`. */
export const MESSAGE_FIELDS = {
  system: known(),
  user: known(),
  assistant: known(
    ...['tool_calls', 'refusal', 'reasoning_content', 'reasoning', 'reasoning_details', 'thinking_blocks'],
    ...['annotations', 'parsed', 'provider_specific_fields', 'extra_content', 'function_call', 'audio'],
  ),
  tool: known('tool_call_id'),
} as const;

/** The fields of the parts of a message, by type, beside `type` and `cache_control`. */
export const CALL_FIELDS: ReadonlySet<string> = new Set([
  ...['id', 'type', 'function', 'custom', 'index', 'extra_content', 'provider_specific_fields'],
]);

export const NOT_CARRIED = 'This field has no counterpart in the dialect of the model.';

function known(...fields: readonly string[]): ReadonlySet<string> {
  return new Set(['role', 'content', 'name', 'cache_control', ...fields]);
}

/** The path of the first field that asks for something that cannot be carried, with the reason. */
export function firstRefused(body: JsonObject): FieldNote | undefined {
  return REFUSED.find(({ field, isIdle }) => {
    const value = body[field];
    return value !== undefined && value !== null && !isIdle(value);
  });
}
