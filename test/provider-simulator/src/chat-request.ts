import { isAbsent, isObject, parseObject } from './body-object.js';
import { invalidRequest, type OpenAiError } from './openai-error.js';

/** What the simulator reads of a chat completion request. */
export interface ChatRequest {
  model: string;
  stream: boolean;
  includeUsage: boolean;
  /** `n`: how many answers to the one prompt. */
  choices: number;
  /** Most completion tokens per choice; Infinity when not given. */
  maxTokens: number;
  /** The body field `simulator`, unchecked; undefined when absent. */
  behaviour: unknown;
}

export type ParsedChatRequest = { kind: 'valid'; request: ChatRequest } | { kind: 'invalid'; error: OpenAiError };

/**
 * Reads the body of `POST /v1/chat/completions` as OpenAI does: wrong types are refused, unknown fields are not looked
 * at. `deployment`: the model where the path names it.
 */
export function parseChatRequest(body: Buffer, deployment: string | null): ParsedChatRequest {
  const fields = parseObject(body);
  if (fields === undefined) return refuse('We could not parse the JSON body of your request.');
  const { messages, stream, stream_options: streamOptions } = fields;
  const model = deployment ?? fields['model'];
  if (typeof model !== 'string' || model === '') return refuse('you must provide a model parameter');
  if (!Array.isArray(messages) || messages.length === 0)
    return refuse("Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter');
  if (!isAbsent(stream) && typeof stream !== 'boolean') return refuseType('stream', 'a boolean');
  if (!isAbsent(streamOptions) && stream !== true) {
    return refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options');
  }
  if (!isAbsent(streamOptions) && !isObject(streamOptions)) return refuseType('stream_options', 'an object');
  for (const name of ['n', 'max_tokens', 'max_completion_tokens']) {
    const value = fields[name];
    if (!isAbsent(value) && !(Number.isSafeInteger(value) && (value as number) >= 1))
      return refuseType(name, 'an integer of at least 1');
  }
  const choices = (fields['n'] as number | null | undefined) ?? 1;
  if (choices > 128) return refuseType('n', 'an integer of at most 128');
  const maxTokens = Math.min(
    (fields['max_tokens'] as number | null) ?? Infinity,
    (fields['max_completion_tokens'] as number | null) ?? Infinity,
  );
  const includeUsage = isObject(streamOptions) && streamOptions['include_usage'] === true;
  return {
    kind: 'valid',
    request: { model, stream: stream === true, includeUsage, choices, maxTokens, behaviour: fields['simulator'] },
  };
}

function refuse(message: string, param: string | null = null, code: string | null = null): ParsedChatRequest {
  return { kind: 'invalid', error: invalidRequest(message, param, code) };
}

function refuseType(name: string, wanted: string): ParsedChatRequest {
  return refuse(`Invalid type for '${name}': expected ${wanted}.`, name, 'invalid_type');
}
