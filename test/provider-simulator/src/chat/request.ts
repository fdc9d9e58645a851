import { lastOfUser, mediaIn, promptTokensOf, textOf, type Asked, type DeclaredTool } from '../asked.js';
import { isObject } from '../body-object.js';
import {
  BadRequest,
  countIn,
  flagIn,
  modelIn,
  objectIn,
  objectsIn,
  parseBody,
  textsIn,
  wrongType,
  type Parsed,
} from '../checked-body.js';
import type { Memory } from '../memory.js';
import { checkSignatures, signsCalls } from './signatures.js';
import { checkTurns } from './turns.js';

/** What the simulator reads of a chat completion request. */
export interface ChatRequest {
  asked: Asked;
  stream: boolean;
  includeUsage: boolean;
  /** The body field `simulator`, unchecked; undefined when absent. */
  behaviour: unknown;
}

const CHOICES_MAX = 128;

/**
 * Reads the body of `POST /v1/chat/completions` as OpenAI does: wrong types are refused, unknown fields are not looked
 * at. `deployment`: the model where the path names it.
 */
export function parseChatRequest(body: Buffer, deployment: string | null, memory: Memory): Parsed<ChatRequest> {
  return parseBody(body, (fields) => {
    const model = modelIn(fields, deployment);
    const { messages } = fields;
    if (!Array.isArray(messages) || messages.length === 0)
      throw new BadRequest("Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter');
    const stream = flagIn(fields, 'stream');
    checkTurns(messages);
    if (signsCalls(model)) checkSignatures(messages, memory);
    return {
      asked: { ...askedIn(fields, messages, body.length), model },
      stream,
      includeUsage: includeUsageIn(fields, stream),
      behaviour: fields['simulator'],
    };
  });
}

/** `stream_options.include_usage`, which OpenAI allows with `stream` alone. */
export function includeUsageIn(fields: Record<string, unknown>, stream: boolean): boolean {
  const options = fields['stream_options'];
  if (options !== undefined && options !== null && !stream)
    throw new BadRequest("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options');
  return objectIn(fields, 'stream_options')?.['include_usage'] === true;
}

/** `n`: how many answers to one prompt. */
export function choicesIn(fields: Record<string, unknown>): number {
  const choices = countIn(fields, 'n') ?? 1;
  if (choices > CHOICES_MAX) throw wrongType('n', `an integer of at most ${CHOICES_MAX}`);
  return choices;
}

function askedIn(
  fields: Record<string, unknown>,
  messages: readonly unknown[],
  bodyBytes: number,
): Omit<Asked, 'model'> {
  const found = mediaIn(messages);
  const last = lastOfUser(messages, ({ role }) => role === 'tool');
  const effort = fields['reasoning_effort'];
  return {
    lastText: textOf(last?.['content']),
    tools: objectsIn(fields, 'tools').flatMap(toolOf),
    toolChoice: toolChoiceOf(fields['tool_choice']),
    parallel: fields['parallel_tool_calls'] !== false,
    format: formatOf(objectIn(fields, 'response_format')),
    thinks: typeof effort === 'string' && effort !== 'none' && effort !== 'minimal',
    stop: textsIn(fields, 'stop'),
    outputTokensMax: Math.min(
      countIn(fields, 'max_tokens') ?? Infinity,
      countIn(fields, 'max_completion_tokens') ?? Infinity,
    ),
    choices: choicesIn(fields),
    media: found.media,
    promptTokens: promptTokensOf(bodyBytes, found),
  };
}

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

function toolOf(tool: Record<string, unknown>, index: number): DeclaredTool[] {
  const custom = tool['type'] === 'custom';
  const declared = tool[custom ? 'custom' : 'function'];
  if (!isObject(declared)) throw wrongType(`tools[${index}].${custom ? 'custom' : 'function'}`, 'an object');
  const name = declared['name'];
  if (typeof name !== 'string' || !NAME.test(name))
    throw new BadRequest(
      `Invalid 'tools[${index}].function.name': expected a string that matches '${NAME.source}'.`,
      `tools[${index}].function.name`,
      'invalid_value',
    );
  return [{ name, custom, schema: declared['parameters'] }];
}

function toolChoiceOf(choice: unknown): Asked['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  const named = isObject(choice) ? (choice['function'] ?? choice['custom']) : undefined;
  return isObject(named) && typeof named['name'] === 'string' ? { name: named['name'] } : 'auto';
}

function formatOf(format: Record<string, unknown> | undefined): unknown {
  if (format?.['type'] === 'json_object') return true;
  if (format?.['type'] !== 'json_schema') return null;
  const declared = objectIn(format, 'json_schema');
  if (!isObject(declared?.['schema'])) throw wrongType('response_format.json_schema.schema', 'an object');
  return declared['schema'];
}
