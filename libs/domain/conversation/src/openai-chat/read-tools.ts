import { onlyAllowed, type ReadChoice } from '../allowed-tools.js';
import type { Tool, ToolChoice } from '../conversation.js';
import type { JsonObject } from '../dialect-codec.js';
import type { FieldReader } from '../field-reader.js';
import { fieldsOf, isObject, itemsOf, textOf } from '../fields.js';
import { readEach, readNested } from '../nested-fields.js';
import { NOT_CARRIED } from './known-fields.js';
import { cacheOf } from './read-content.js';

const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'strict', 'cache_control']);
const FLAT_FIELDS = new Set([...FUNCTION_FIELDS, 'type']);

/** The tools of a request. A type that is neither function nor custom is a tool that a provider runs. */
export function readTools(request: FieldReader): readonly Tool[] {
  return readEach(request, 'tools', readTool).filter((tool) => tool !== null);
}

function readTool(fields: FieldReader, object: JsonObject): Tool | null {
  const type = fields.text('type') ?? 'function';
  if (type === 'custom') return readNested(fields, 'custom', object['custom'], readCustom);
  if (type !== 'function') return { kind: 'builtin', type, name: textOf(object['name']) ?? type, definition: object };
  // Some clients write a function as Responses does: without an object around it.
  if (object['function'] === undefined && typeof object['name'] === 'string') {
    fields.only(FLAT_FIELDS, NOT_CARRIED);
    return readFunction(fields, object);
  }
  fields.only(new Set(['type', 'function', 'cache_control']), NOT_CARRIED);
  const tool = readNested(fields, 'function', object['function'], readFunction);
  return tool === null ? null : { ...tool, ...cacheOf(object) };
}

function readFunction(fields: FieldReader, object: JsonObject): Tool {
  fields.only(FUNCTION_FIELDS, NOT_CARRIED);
  return {
    kind: 'function',
    name: nameOf(fields),
    description: fields.text('description'),
    parameters: fields.object('parameters'),
    strict: fields.boolean('strict'),
    ...cacheOf(object),
  };
}

function readCustom(fields: FieldReader): Tool {
  fields.only(new Set(['name', 'description', 'format']), NOT_CARRIED);
  const format = fields.object('format');
  return {
    kind: 'custom',
    name: nameOf(fields),
    description: fields.text('description'),
    // Chat puts the grammar into an object of its own.
    format: format === null || !isObject(format['grammar']) ? format : { type: format['type'], ...format['grammar'] },
  };
}

function nameOf(fields: FieldReader): string {
  const name = fields.text('name') ?? '';
  if (name === '') fields.refuse('name', `${fields.pathOf('name')} must be a string that is not empty.`);
  return name;
}

const WORDS: Readonly<Record<string, ToolChoice>> = {
  auto: { kind: 'auto' },
  none: { kind: 'none' },
  required: { kind: 'required' },
  // Mistral's word.
  any: { kind: 'required' },
};

/** The choice of tools. A list of allowed tools leaves the others out of what is declared. */
export function readToolChoice(request: FieldReader, body: JsonObject, tools: readonly Tool[]): ReadChoice {
  const value = body['tool_choice'];
  if (value === undefined || value === null) return { tools, toolChoice: null };
  if (isObject(value) && value['type'] === 'allowed_tools') return readAllowed(request, value, tools);
  return { tools, toolChoice: choiceOf(request, value, tools) };
}

/** A choice among some tools. Some clients write it as Responses does: without an object around it. */
function readAllowed(request: FieldReader, value: JsonObject, tools: readonly Tool[]): ReadChoice {
  const isFlat = value['allowed_tools'] === undefined;
  const path = isFlat ? 'tool_choice' : 'tool_choice.allowed_tools';
  const { mode, tools: list } = isFlat ? value : fieldsOf(value['allowed_tools']);
  const names = itemsOf(list).map((item) => {
    const choice = namedTool(item);
    return choice?.kind === 'tool' ? choice.name : '';
  });
  const allowed = names.length === 0 ? null : onlyAllowed(tools, names);
  if (mode !== 'auto' && mode !== 'required') request.refuse(`${path}.mode`, `${path}.mode must be auto or required.`);
  else if (allowed === null) request.refuse(`${path}.tools`, `${path}.tools must name tools that are declared.`);
  else return { tools: allowed, toolChoice: { kind: mode } };
  return { tools, toolChoice: null };
}

/**
 * A choice of tools in any of its spellings: a word, the same word as a type, or a tool by its name. Without tools
 * there is nothing to choose.
 */
function choiceOf(request: FieldReader, value: unknown, tools: readonly Tool[]): ToolChoice | null {
  const type = isObject(value) ? value['type'] : value;
  const word = typeof type === 'string' && Object.hasOwn(WORDS, type) ? WORDS[type] : undefined;
  const choice = word ?? namedTool(value);
  if (choice === null) {
    request.refuse('tool_choice', 'tool_choice must be auto, none, required, or one tool by its name.');
    return null;
  }
  if (choice.kind === 'auto' || choice.kind === 'none') return tools.length === 0 ? null : choice;
  if (!tools.some(({ name }) => choice.kind === 'required' || name === choice.name))
    request.refuse('tool_choice', 'tool_choice asks for a tool that `tools` does not have.');
  return choice;
}

function namedTool(value: unknown): ToolChoice | null {
  const choice = fieldsOf(value);
  const type = choice['type'];
  const named =
    textOf(fieldsOf(choice[typeof type === 'string' ? type : 'function'])['name']) ?? textOf(choice['name']);
  // A tool that a provider runs is named by its type.
  const name = named ?? (typeof type === 'string' && type !== 'function' && type !== 'custom' ? type : null);
  return name === null ? null : { kind: 'tool', name };
}
