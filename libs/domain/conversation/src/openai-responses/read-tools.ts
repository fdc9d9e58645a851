import { onlyAllowed, type ReadChoice } from '../allowed-tools.js';
import type { Tool } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { FieldReader } from '../field-reader.js';
import { isObject, itemsOf, textOf } from '../fields.js';
import { isName, joinName, nameOf } from './namespaces.js';

const NAME_FORM = 'must have letters, digits, _ and - only.';
const IN_PROGRAMS = 'A tool that only programs of the model may call cannot be carried.';

/**
 * The tools that a list declares. A namespace is taken apart: each tool in it carries the name of both, and the first
 * one the description of all. What the provider runs itself stays a built-in tool, known to OpenAI alone.
 */
export function readTools(list: unknown, path: string): readonly Tool[] | Fault {
  if (list === null || list === undefined) return [];
  if (!Array.isArray(list)) return fault(path, `${path} must be a list.`);
  const tools: Tool[] = [];
  for (const [index, value] of list.entries()) {
    const at = `${path}[${index}]`;
    if (!isObject(value)) return fault(at, `${at} must be an object.`);
    const read = value['type'] === 'namespace' ? readNamespace(value, at) : readTool(value, at, null);
    if (isFault(read)) return read;
    for (const tool of Array.isArray(read) ? (read as readonly Tool[]) : [read as Tool]) tools.push(tool);
  }
  return tools;
}

/** The tools, each name once: of tools with the same name the last one counts, in the place of the first. */
export function unique(tools: readonly Tool[]): readonly Tool[] {
  return [...new Map(tools.map((tool) => [`${tool.kind === 'builtin'} ${tool.name}`, tool])).values()];
}

function readNamespace(value: JsonObject, path: string): readonly Tool[] | Fault {
  if (!isName(value['name'])) return fault(`${path}.name`, `${path}.name ${NAME_FORM}`);
  const tools: Tool[] = [];
  for (const [index, item] of itemsOf(value['tools']).entries()) {
    const at = `${path}.tools[${index}]`;
    const tool = isObject(item) ? readTool(item, at, value['name']) : fault(at, `${at} must be an object.`);
    if (isFault(tool)) return tool;
    tools.push(tools.length === 0 ? describedWith(tool, textOf(value['description'])) : tool);
  }
  return tools;
}

function describedWith(tool: Tool, description: string | null): Tool {
  if (tool.kind === 'builtin' || description === null) return tool;
  return { ...tool, description: tool.description === null ? description : `${description}\n\n${tool.description}` };
}

function readTool(value: JsonObject, path: string, namespace: string | null): Tool | Fault {
  const type = textOf(value['type']);
  if (type === 'function' || type === 'custom') return readOwnTool(type, value, path, namespace);
  if (type === null) return fault(`${path}.type`, `${path}.type must be a string.`);
  return { kind: 'builtin', type, name: builtinName(value, type), definition: value };
}

function readOwnTool(
  type: 'function' | 'custom',
  value: JsonObject,
  path: string,
  namespace: string | null,
): Tool | Fault {
  if (!isName(value['name'])) return fault(`${path}.name`, `${path}.name ${NAME_FORM}`);
  const callers = value['allowed_callers'];
  if (Array.isArray(callers) && !callers.includes('direct')) return fault(`${path}.allowed_callers`, IN_PROGRAMS);
  const fields = new FieldReader(value, path);
  const name = joinName(namespace, value['name']);
  const description = fields.text('description');
  const format = fields.object('format');
  const tool: Tool =
    type === 'custom'
      ? { kind: 'custom', name, description, format: format?.['type'] === 'text' ? null : format }
      : {
          kind: 'function',
          name,
          description,
          parameters: fields.object('parameters'),
          strict: fields.boolean('strict'),
        };
  return fields.fault ?? tool;
}

/** The name of a tool that the provider runs: its type, but for servers of tools, of which there may be several. */
function builtinName(value: JsonObject, type: string): string {
  return (type === 'mcp' ? textOf(value['server_label']) : null) ?? type;
}

/** Reads `tool_choice`. A list of allowed tools leaves the others out of what is declared. */
export function readToolChoice(value: unknown, tools: readonly Tool[]): ReadChoice | Fault {
  if (value === null || value === undefined) return { tools, toolChoice: null };
  if (value === 'auto' || value === 'none' || value === 'required') return { tools, toolChoice: { kind: value } };
  if (!isObject(value)) return fault('tool_choice', 'tool_choice must be auto, none, required or an object.');
  if (value['type'] === 'allowed_tools') return readAllowedTools(value, tools);
  const name = chosenName(value);
  return name === ''
    ? fault('tool_choice', 'tool_choice must name a tool.')
    : { tools, toolChoice: { kind: 'tool', name } };
}

function readAllowedTools(value: JsonObject, tools: readonly Tool[]): ReadChoice | Fault {
  const { mode } = value;
  if (mode !== 'auto' && mode !== 'required')
    return fault('tool_choice.mode', 'tool_choice.mode must be auto or required.');
  if (!Array.isArray(value['tools'])) return fault('tool_choice.tools', 'tool_choice.tools must be a list.');
  const allowed = onlyAllowed(tools, value['tools'].map(chosenName));
  if (allowed === null) return fault('tool_choice.tools', 'tool_choice.tools must name tools that are declared.');
  return { tools: allowed, toolChoice: { kind: mode } };
}

function chosenName(value: unknown): string {
  const type = isObject(value) ? textOf(value['type']) : null;
  if (type === null) return '';
  return type === 'function' || type === 'custom' ? nameOf(value) : builtinName(value as JsonObject, type);
}
