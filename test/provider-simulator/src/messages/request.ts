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
  textsIn,
  type Parsed,
} from '../checked-body.js';
import type { Memory } from '../memory.js';
import { checkTurns } from './turns.js';

/** What the simulator reads of a request for a message. */
export interface MessagesRequest {
  asked: Asked;
  stream: boolean;
  /** The body field `simulator`, unchecked; undefined when absent. */
  behaviour: unknown;
}

/** Fields that Anthropic knows, some of them only with a beta feature; any other is 400. */
const KNOWN = new Set([
  'cache_control',
  'container',
  'context_management',
  'fallbacks',
  'inference_geo',
  'max_tokens',
  'mcp_servers',
  'messages',
  'metadata',
  'model',
  'output_config',
  'output_format',
  'safeguards',
  'service_tier',
  'simulator',
  'speed',
  'stop_sequences',
  'stream',
  'system',
  'temperature',
  'thinking',
  'tool_choice',
  'tools',
  'top_k',
  'top_p',
]);

/** Reads the body of `POST /v1/messages`, or of `count_tokens`, which has no ceiling, as Anthropic does. */
export function parseMessagesRequest(body: Buffer, memory: Memory, counts: boolean): Parsed<MessagesRequest> {
  return parseBody(body, (fields) => {
    for (const name of Object.keys(fields))
      if (!KNOWN.has(name)) throw new BadRequest(`${name}: Extra inputs are not permitted`);
    const model = modelIn(fields);
    const outputTokensMax = countIn(fields, 'max_tokens');
    if (outputTokensMax === undefined && !counts) throw new BadRequest('max_tokens: Field required');
    const messages = checkTurns(fields['messages'], memory);
    const thinks = thinkingIn(fields, outputTokensMax ?? Infinity);
    checkSampling(fields);
    const toolChoice = toolChoiceOf(objectIn(fields, 'tool_choice'), thinks);
    const found = mediaIn([fields['system'], messages]);
    return {
      stream: flagIn(fields, 'stream'),
      behaviour: fields['simulator'],
      asked: {
        model,
        lastText: textOf(lastOfUser(messages, hasResults)?.['content']),
        tools: objectsIn(fields, 'tools').flatMap(toolOf),
        ...toolChoice,
        format: formatIn(fields),
        thinks,
        stop: stopIn(fields),
        outputTokensMax: outputTokensMax ?? Infinity,
        choices: 1,
        media: found.media,
        promptTokens: promptTokensOf(body.length, found),
      },
    };
  });
}

function hasResults({ content }: Record<string, unknown>): boolean {
  return Array.isArray(content) && content.some((part) => isObject(part) && part['type'] === 'tool_result');
}

const BUDGET_MIN = 1_024;

function thinkingIn(fields: Record<string, unknown>, outputTokensMax: number): boolean {
  const thinking = objectIn(fields, 'thinking');
  const type = thinking?.['type'];
  if (thinking === undefined || type === 'disabled') return false;
  if (type === 'adaptive') return true;
  if (type !== 'enabled') throw new BadRequest("thinking.type: Input should be 'enabled', 'disabled' or 'adaptive'");
  const budget = countIn(thinking, 'budget_tokens', 0);
  if (budget === undefined) throw new BadRequest('thinking.enabled.budget_tokens: Field required');
  if (budget < BUDGET_MIN)
    throw new BadRequest(`thinking.enabled.budget_tokens: Input should be greater than or equal to ${BUDGET_MIN}`);
  if (budget >= outputTokensMax) throw new BadRequest('`max_tokens` must be greater than `thinking.budget_tokens`.');
  return true;
}

function checkSampling(fields: Record<string, unknown>): void {
  for (const name of ['temperature', 'top_p']) {
    const value = fields[name];
    if (!isAbsent(value) && !(typeof value === 'number' && value >= 0 && value <= 1))
      throw new BadRequest(`${name}: range: 0..1`);
  }
}

function stopIn(fields: Record<string, unknown>): readonly string[] {
  const stop = textsIn(fields, 'stop_sequences');
  if (stop.some((sequence) => sequence.trim() === ''))
    throw new BadRequest('stop_sequences: each stop sequence must contain non-whitespace');
  return stop;
}

const NAME = /^[a-zA-Z0-9_-]{1,128}$/;

function toolOf(tool: Record<string, unknown>, index: number): DeclaredTool[] {
  const { type, name, input_schema: schema } = tool;
  if (typeof type === 'string' && type !== 'custom') return [];
  if (typeof name !== 'string' || !NAME.test(name))
    throw new BadRequest(`tools.${index}.custom.name: String should match pattern '${NAME.source}'`);
  if (!isObject(schema)) throw new BadRequest(`tools.${index}.custom.input_schema: Field required`);
  if (schema['type'] !== 'object')
    throw new BadRequest(`tools.${index}.custom.input_schema.type: Input should be 'object'`);
  if (['oneOf', 'anyOf', 'allOf'].some((word) => word in schema))
    throw new BadRequest(
      `tools.${index}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`,
    );
  return [{ name, custom: false, schema }];
}

function toolChoiceOf(
  choice: Record<string, unknown> | undefined,
  thinks: boolean,
): Pick<Asked, 'toolChoice' | 'parallel'> {
  const { type, name, disable_parallel_tool_use: alone } = choice ?? { type: 'auto' };
  const parallel = alone !== true;
  if (type === 'none' && alone !== undefined)
    throw new BadRequest('tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted');
  if (thinks && (type === 'any' || type === 'tool'))
    throw new BadRequest('Thinking may not be enabled when tool_choice forces tool use.');
  if (type === 'tool' && typeof name === 'string') return { toolChoice: { name }, parallel };
  return { toolChoice: type === 'any' ? 'required' : type === 'none' ? 'none' : 'auto', parallel };
}

function formatIn(fields: Record<string, unknown>): unknown {
  const config = objectIn(fields, 'output_config');
  const format = objectIn(config ?? {}, 'format') ?? objectIn(fields, 'output_format');
  if (format === undefined) return null;
  if (format['type'] !== 'json_schema' || !isObject(format['schema']))
    throw new BadRequest('output_config.format.schema: Field required');
  return format['schema'];
}
