import type { Conversation, Tool, ToolChoice } from '../conversation.js';
import { functionOfCustom } from '../custom-tools.js';
import type { Fault, JsonObject, WriteContext } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import type { ToolNames } from '../names.js';
import { mapOrFault } from '../map-or-fault.js';
import { writeCacheMark } from './cache-marks.js';
import type { ClaudeModel } from './models.js';

export interface WrittenTools {
  /** `tools` and `tool_choice`, each only if it is to be sent. */
  readonly fields: JsonObject;
  readonly leftOut: readonly string[];
}

type FunctionTool = Extract<Tool, { kind: 'function' }>;
type BuiltinTool = Extract<Tool, { kind: 'builtin' }>;

/** A tool of Anthropic has a type with a date, as `web_search_20250305`, or is a set of them. */
const ANTHROPICS_OWN = /_\d{8}$|^mcp_toolset$/;
const COMBINATIONS = ['oneOf', 'anyOf', 'allOf'];
const NAME_LENGTH_SHOWN = 64;

/**
 * Writes the tools and the choice of them. A built-in tool of another maker is left out, by its name, unless the model
 * must call one of them: then that is a fault.
 */
export function writeTools(
  conversation: Conversation,
  names: ToolNames,
  model: ClaudeModel,
  context: WriteContext,
): WrittenTools | Fault {
  const { tools, toolChoice } = conversation;
  const [foreign, own] = [tools.filter(isForeign), tools.filter((tool) => !isForeign(tool))];
  if (isForcedElsewhere(toolChoice, own))
    return fault(context.fieldOf('tool_choice'), 'A call is demanded of a tool that Claude is not sent.');
  const written = mapOrFault(tools, (tool, at) => writeTool(tool, at, names, model, context));
  if (isFault(written)) return written;
  const sent = written.flat();
  const choice = sent.length === 0 ? null : writeToolChoice(conversation, names);
  return {
    fields: { ...(sent.length > 0 && { tools: sent }), ...(choice !== null && { tool_choice: choice }) },
    leftOut: foreign.map(({ name }) => name),
  };
}

/** Whether a call is demanded that no tool which Claude is sent can be. */
function isForcedElsewhere(choice: ToolChoice | null, sent: readonly Tool[]): boolean {
  if (choice?.kind === 'tool') return !sent.some(({ name }) => name === choice.name);
  return choice?.kind === 'required' && sent.length === 0;
}

function isForeign(tool: Tool): boolean {
  return tool.kind === 'builtin' && !isAnthropics(tool);
}

function isAnthropics({ type }: BuiltinTool): boolean {
  return ANTHROPICS_OWN.test(type);
}

function writeTool(
  tool: Tool,
  at: number,
  names: ToolNames,
  model: ClaudeModel,
  context: WriteContext,
): readonly JsonObject[] | Fault {
  if (tool.kind === 'builtin') return isAnthropics(tool) ? [tool.definition] : [];
  const own = tool.kind === 'custom' ? functionOfCustom(tool) : tool;
  const path = `${context.fieldOf('tools')}[${at}]`;
  const schema = inputSchema(own, path);
  if (isFault(schema)) return schema;
  if (own.strict === true && !model.schemas)
    return fault(path, `The tool ${shown(own)} is strict, but this model of Claude does not hold to schemas.`);
  return [
    {
      name: names.sent(own.name),
      ...(own.description !== null && { description: own.description }),
      input_schema: schema,
      ...(own.strict === true && { strict: true }),
      ...writeCacheMark(own.cache),
    },
  ];
}

/** Claude wants the schema of an object, without alternatives at its top. */
function inputSchema(tool: FunctionTool, path: string): JsonObject | Fault {
  const schema = tool.parameters;
  if (schema === null) return { type: 'object', properties: {} };
  const combination = COMBINATIONS.find((keyword) => keyword in schema);
  if (combination !== undefined)
    return fault(path, `Claude takes no ${combination} at the top of a schema, as the tool ${shown(tool)} has it.`);
  const type = schema['type'] ?? 'object';
  if (type !== 'object') return fault(path, `The schema of the tool ${shown(tool)} must be that of an object.`);
  return schema['type'] === type ? schema : { ...schema, type };
}

function shown({ name }: FunctionTool): string {
  return name.slice(0, NAME_LENGTH_SHOWN);
}

/** `disable_parallel_tool_use` forces no call: alone it stands under `auto`. With `none`, Claude refuses it. */
function writeToolChoice({ toolChoice, parallelToolCalls }: Conversation, names: ToolNames): JsonObject | null {
  const isSerial = parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  switch (toolChoice?.kind) {
    case undefined:
      return parallelToolCalls === false ? { type: 'auto', ...isSerial } : null;
    case 'auto':
      return { type: 'auto', ...isSerial };
    case 'none':
      return { type: 'none' };
    case 'required':
      return { type: 'any', ...isSerial };
    case 'tool':
      return { type: 'tool', name: names.sent(toolChoice.name), ...isSerial };
    default:
      return toolChoice satisfies never;
  }
}
