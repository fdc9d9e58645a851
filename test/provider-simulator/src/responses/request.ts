import { lastOfUser, mediaIn, promptTokensOf, textOf, type Asked, type DeclaredTool } from '../asked.js';
import { isAbsent, isObject } from '../body-object.js';
import {
  BadRequest,
  countIn,
  flagIn,
  modelIn,
  objectIn,
  objectsIn,
  parseBody,
  wrongType,
  type Parsed,
} from '../checked-body.js';
import type { Memory } from '../memory.js';
import { checkItems } from './items.js';

/** What the simulator reads of a request for a response. */
export interface ResponsesRequest {
  asked: Asked;
  stream: boolean;
  /** The body field `simulator`, unchecked; undefined when absent. */
  behaviour: unknown;
  /** The whole body: a response repeats its settings. */
  fields: Record<string, unknown>;
  /** Whether the response is remembered. */
  stored: boolean;
  /** Whether thoughts are given out sealed. */
  seals: boolean;
}

/** Fields that OpenAI's Responses know; any other is 400. */
const KNOWN = new Set([
  'background',
  'client_metadata',
  'context_management',
  'conversation',
  'include',
  'input',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'model',
  'parallel_tool_calls',
  'previous_response_id',
  'prompt',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'simulator',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
]);

const OUTPUT_TOKENS_MIN = 16;

/** Reads the body of `POST /v1/responses`, or of `compact`, as OpenAI does. */
export function parseResponsesRequest(body: Buffer, memory: Memory): Parsed<ResponsesRequest> {
  return parseBody(body, (fields) => {
    for (const name of Object.keys(fields))
      if (!KNOWN.has(name)) throw new BadRequest(`Unknown parameter: '${name}'.`, name, 'unknown_parameter');
    const model = modelIn(fields);
    const previous = previousIn(fields, memory);
    const items = itemsIn(fields['input']);
    checkItems(items, previous?.calls ?? new Set(), memory);
    const found = mediaIn(items);
    const { include } = fields;
    return {
      stream: flagIn(fields, 'stream'),
      behaviour: fields['simulator'],
      fields,
      stored: fields['store'] !== false,
      seals: Array.isArray(include) && include.includes('reasoning.encrypted_content'),
      asked: {
        model,
        lastText: textOf(lastOfUser(items, isOutput)?.['content']),
        tools: objectsIn(fields, 'tools').flatMap(toolsOf),
        toolChoice: toolChoiceOf(fields['tool_choice']),
        parallel: fields['parallel_tool_calls'] !== false,
        format: formatOf(objectIn(fields, 'text')),
        thinks: thinksIn(fields),
        stop: [],
        outputTokensMax: ceilingIn(fields),
        choices: 1,
        media: found.media,
        promptTokens: promptTokensOf(body.length, found) + (previous?.tokens ?? 0),
      },
    };
  });
}

function previousIn(fields: Record<string, unknown>, memory: Memory): ReturnType<Memory['recall']> {
  const id = fields['previous_response_id'];
  if (isAbsent(id)) return undefined;
  const previous = typeof id === 'string' ? memory.recall(id) : undefined;
  if (previous === undefined)
    throw new BadRequest(
      `Previous response with id '${String(id)}' not found.`,
      'previous_response_id',
      'previous_response_not_found',
    );
  return previous;
}

/** A text is one message of the user. */
function itemsIn(input: unknown): readonly Record<string, unknown>[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  if (!Array.isArray(input) || input.length === 0 || !input.every(isObject))
    throw new BadRequest("Missing required parameter: 'input'.", 'input', 'missing_required_parameter');
  return input;
}

function isOutput({ type }: Record<string, unknown>): boolean {
  return typeof type === 'string' && type.endsWith('_output');
}

function ceilingIn(fields: Record<string, unknown>): number {
  return countIn(fields, 'max_output_tokens', OUTPUT_TOKENS_MIN) ?? Infinity;
}

function thinksIn(fields: Record<string, unknown>): boolean {
  const effort = objectIn(fields, 'reasoning')?.['effort'];
  return typeof effort === 'string' && effort !== 'none' && effort !== 'minimal';
}

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** The tools that the caller runs; those in a namespace too. Built-in ones are OpenAI's own. */
function toolsOf(tool: Record<string, unknown>, index: number): DeclaredTool[] {
  const { type, name } = tool;
  if (type === 'namespace') return objectsIn(tool, 'tools').flatMap(toolsOf);
  if (type !== 'function' && type !== 'custom') return [];
  if (typeof name !== 'string' || !NAME.test(name))
    throw new BadRequest(
      `Invalid 'tools[${index}].name': expected a string that matches '${NAME.source}'.`,
      `tools[${index}].name`,
      'invalid_value',
    );
  return [{ name, custom: type === 'custom', schema: tool['parameters'] ?? undefined }];
}

function toolChoiceOf(choice: unknown): Asked['toolChoice'] {
  if (choice === 'none' || choice === 'required') return choice;
  return isObject(choice) && typeof choice['name'] === 'string' ? { name: choice['name'] } : 'auto';
}

function formatOf(text: Record<string, unknown> | undefined): unknown {
  const format = objectIn(text ?? {}, 'format');
  if (format?.['type'] === 'json_object') return true;
  if (format?.['type'] !== 'json_schema') return null;
  if (!isObject(format['schema'])) throw wrongType('text.format.schema', 'an object');
  return format['schema'];
}
