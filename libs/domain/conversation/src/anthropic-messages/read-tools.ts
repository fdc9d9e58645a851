import type { Conversation, Tool, ToolChoice } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { isObject } from '../fields.js';
import { mapOrFault } from '../map-or-fault.js';
import { readCacheMark } from './cache-marks.js';
import { notCarried, unknownField } from './known-fields.js';

/** The fields of a tool that are read; the last two tell only when and how Anthropic loads and streams it. */
const FIELDS = new Set([
  ...['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'],
  ...['defer_loading', 'eager_input_streaming'],
]);
const FIELDS_WITH_CALLERS = new Set([...FIELDS, 'allowed_callers']);

export function readTools(tools: unknown): readonly Tool[] | Fault {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) return fault('tools', 'They must be a list.');
  return mapOrFault(tools, (tool, at) => readTool(tool, `tools[${at}]`));
}

/** A tool without a type, or of the type `custom`, is the caller's own; any other is one that Anthropic defines. */
export function readTool(tool: unknown, path: string): Tool | Fault {
  if (!isObject(tool)) return fault(path, 'A tool must be an object.');
  const { type, name } = tool;
  if (type !== undefined && type !== null && type !== 'custom') {
    if (typeof type !== 'string' || type === '') return fault(`${path}.type`, 'The type of a tool must be a string.');
    return { kind: 'builtin', type, name: typeof name === 'string' ? name : type, definition: tool };
  }
  if (typeof name !== 'string' || name === '') return fault(`${path}.name`, 'A tool must have a name.');
  const unknown = unknownField(tool, isCalledDirectly(tool) ? FIELDS_WITH_CALLERS : FIELDS);
  if (unknown !== undefined) return notCarried(`${path}.${unknown}`);
  return readFunction(tool, name, path);
}

/** Other callers than the model itself are programs that Anthropic runs. */
function isCalledDirectly({ allowed_callers: callers }: JsonObject): boolean {
  return Array.isArray(callers) && callers.every((caller) => caller === 'direct');
}

function readFunction(tool: JsonObject, name: string, path: string): Tool | Fault {
  const { description, input_schema: schema, strict } = tool;
  if (schema !== undefined && schema !== null && !isObject(schema))
    return fault(`${path}.input_schema`, 'The schema of a tool must be an object.');
  if (description !== undefined && description !== null && typeof description !== 'string')
    return fault(`${path}.description`, 'The description of a tool must be a string.');
  const cache = readCacheMark(tool, path);
  if (isFault(cache)) return cache;
  return {
    kind: 'function',
    name,
    description: description ?? null,
    parameters: schema ?? null,
    strict: typeof strict === 'boolean' ? strict : null,
    ...cache,
  };
}

/** Which tools may be called, and whether several at once. */
export function readToolChoice(choice: unknown): Pick<Conversation, 'toolChoice' | 'parallelToolCalls'> | Fault {
  if (choice === undefined || choice === null) return { toolChoice: null, parallelToolCalls: null };
  if (!isObject(choice)) return fault('tool_choice', 'It must be an object.');
  const toolChoice = choiceOf(choice);
  if (isFault(toolChoice)) return toolChoice;
  const { disable_parallel_tool_use: isSerial } = choice;
  return { toolChoice, parallelToolCalls: typeof isSerial === 'boolean' ? !isSerial : null };
}

function choiceOf({ type, name }: JsonObject): ToolChoice | Fault {
  switch (type) {
    case 'auto':
    case 'none':
      return { kind: type };
    case 'any':
      return { kind: 'required' };
    case 'tool':
      return typeof name === 'string' && name !== ''
        ? { kind: 'tool', name }
        : fault('tool_choice.name', 'The choice of a tool must have its name.');
    default:
      return fault('tool_choice.type', 'The type of tool_choice must be auto, any, tool or none.');
  }
}
