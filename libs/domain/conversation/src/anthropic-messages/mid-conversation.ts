import type { Tool } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { isObject, itemsOf } from '../fields.js';
import { notCarried, unknownField } from './known-fields.js';
import { readTool } from './read-tools.js';

/** What a message of the system changes in the middle of a conversation: which tools may be called from there on. */
export type ToolChange =
  | { readonly kind: 'add' | 'remove'; readonly name: string; readonly path: string }
  | { readonly kind: 'define'; readonly tool: Tool };

const REFERENCE_FIELDS = new Set(['type', 'name']);
const DEFINITION_FIELDS = new Set(['type', 'definition']);
const CONFIG_FIELDS = new Set(['effort']);

/** The tool of a block of the type `tool_addition` or `tool_removal`: its name, or its whole definition. */
export function readToolChange(block: JsonObject, path: string): ToolChange | Fault {
  const { type, tool } = block;
  const at = `${path}.tool`;
  if (!isObject(tool)) return fault(at, 'A change of the tools must have a tool.');
  const isDefinition = tool['type'] === 'tool_definition' && type === 'tool_addition';
  if (!isDefinition && tool['type'] !== 'tool_reference')
    return fault(`${at}.type`, 'A tool is added by its name or its definition, and removed by its name.');
  const unknown = unknownField(tool, isDefinition ? DEFINITION_FIELDS : REFERENCE_FIELDS);
  if (unknown !== undefined) return notCarried(`${at}.${unknown}`);
  if (isDefinition) {
    const defined = readTool(tool['definition'], `${at}.definition`);
    return isFault(defined) ? defined : { kind: 'define', tool: defined };
  }
  const { name } = tool;
  if (typeof name !== 'string' || name === '') return fault(`${at}.name`, 'A reference to a tool must have its name.');
  return { kind: type === 'tool_addition' ? 'add' : 'remove', name, path: `${at}.name` };
}

/** The tools that may be called at the end of a conversation: other dialects declare them once, for all of it. */
export function changedTools(tools: readonly Tool[], changes: readonly ToolChange[]): readonly Tool[] | Fault {
  if (changes.length === 0) return tools;
  const known = new Map(tools.map((tool) => [tool.name, tool]));
  const offered = new Map(known);
  for (const change of changes) {
    if (change.kind === 'define') {
      known.set(change.tool.name, change.tool);
      offered.set(change.tool.name, change.tool);
      continue;
    }
    const tool = known.get(change.name);
    if (tool === undefined) return fault(change.path, 'No tool of this name is declared.');
    if (change.kind === 'add') offered.set(change.name, tool);
    else offered.delete(change.name);
  }
  return [...offered.values()];
}

/**
 * How hard the model is to think at the end of a conversation, if messages of the system say so:
 * platform.claude.com/docs/en/build-with-claude/effort-per-message. Behind what the user has said, that counts at once;
 * elsewhere, from the next time on that the user says something. Results of tools alone are nothing that a user says.
 */
export function effortAtEnd(messages: readonly unknown[]): string | null | Fault {
  let now: string | null = null;
  let next: string | null = null;
  let hasUserSpoken = false;
  for (const [at, message] of messages.entries()) {
    if (!isObject(message)) continue;
    const effort = effortOf(message, `messages[${at}]`);
    if (isFault(effort)) return effort;
    if (message['role'] !== 'system') {
      hasUserSpoken = message['role'] === 'user' && saysSomething(message['content']);
      if (hasUserSpoken) [now, next] = [next ?? now, null];
    } else if (effort !== null) {
      if (hasUserSpoken) [now, next] = [effort, null];
      else next = effort;
    }
  }
  return now;
}

function effortOf({ role, output_config: config }: JsonObject, path: string): string | null | Fault {
  if (config === undefined || config === null) return null;
  if (role !== 'system') return notCarried(`${path}.output_config`);
  if (!isObject(config)) return fault(`${path}.output_config`, 'It must be an object.');
  const unknown = unknownField(config, CONFIG_FIELDS);
  if (unknown !== undefined) return notCarried(`${path}.output_config.${unknown}`);
  const effort = config['effort'] ?? null;
  return effort === null || typeof effort === 'string'
    ? effort
    : fault(`${path}.output_config.effort`, 'The effort must be a string.');
}

function saysSomething(content: unknown): boolean {
  return (
    typeof content === 'string' || itemsOf(content).some((block) => isObject(block) && block['type'] !== 'tool_result')
  );
}
