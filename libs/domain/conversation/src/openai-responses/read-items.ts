import type { AssistantPart, SealedThought, Tool, ToolCallPart, ToolResult, Turn } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { fieldsOf, isBlank, isObject, itemsOf, parseObject, textOf } from '../fields.js';
import { unpackSeal } from '../foreign-seal.js';
import { openCallId } from './call-seals.js';
import { nameOf } from './namespaces.js';
import { readAssistantParts, readResultParts, readSystemParts, readUserParts } from './read-content.js';
import { readTools } from './read-tools.js';

/** What `input` says. */
export interface ReadInput {
  readonly turns: readonly Turn[];
  /** Tools that are declared between the turns. */
  readonly tools: readonly Tool[];
  /** The types of items that were left out. */
  readonly leftOut: readonly string[];
}

const STORED =
  'Items that a provider keeps cannot be carried. Send the item itself: set store to false in the options of the ' +
  'request, which the AI SDK calls providerOptions.openai.store.';
const SEALED = 'This item can be read by the provider that made it alone. Send the messages that it stands for.';
const OTHER_TYPE = "Items of this type cannot be carried to the dialect of the model's provider.";

/**
 * Reads `input`: a string is one message of the user. Items of the assistant that follow each other become one turn,
 * and so do results.
 */
export function readInput(input: unknown): ReadInput | Fault {
  if (typeof input === 'string' && input !== '')
    return { turns: [{ role: 'user', parts: [{ kind: 'text', text: input }] }], tools: [], leftOut: [] };
  if (!Array.isArray(input) || input.length === 0)
    return fault('input', 'input must be a string or a list of items, and not be empty.');
  const items = new ItemReader();
  for (const [index, item] of input.entries()) {
    const wrong = items.take(item, `input[${index}]`);
    if (wrong !== null) return wrong;
  }
  return { turns: items.turns, tools: items.tools, leftOut: [...items.leftOut] };
}

type TakeItem = (items: ItemReader, item: JsonObject, path: string) => Fault | null;

class ItemReader {
  readonly turns: Turn[] = [];
  readonly tools: Tool[] = [];
  readonly leftOut = new Set<string>();
  /** The lists of the last turn, if it is one of results or of the assistant: more of the same is added to them. */
  private results: ToolResult[] = [];
  private said: AssistantPart[] = [];

  take(item: unknown, path: string): Fault | null {
    if (!isObject(item)) return fault(path, `${path} must be an object.`);
    const type = textOf(item['type']) ?? (item['role'] === undefined ? 'item_reference' : 'message');
    const take = ITEMS.get(type);
    return take === undefined ? fault(`${path}.type`, OTHER_TYPE) : take(this, item, path);
  }

  /** Adds a turn. One that says nothing is left out. */
  add(turn: Exclude<Turn, { role: 'tool' }>): null {
    if (turn.role === 'assistant') for (const part of turn.parts) this.say(part);
    else if (turn.parts.length > 0) this.turns.push(turn);
    return null;
  }

  say(part: AssistantPart): null {
    if (this.turns.at(-1)?.role !== 'assistant') this.turns.push({ role: 'assistant', parts: (this.said = []) });
    this.said.push(part);
    return null;
  }

  /** A call, after what its id keeps for its provider. */
  call(part: ToolCallPart): null {
    const { id, thoughts } = openCallId(part.id);
    for (const thought of thoughts) this.say(thought);
    return this.say({ ...part, id });
  }

  addResult(result: ToolResult): null {
    if (this.turns.at(-1)?.role !== 'tool') this.turns.push({ role: 'tool', results: (this.results = []) });
    this.results.push(result);
    return null;
  }
}

const ITEMS: ReadonlyMap<string, TakeItem> = new Map<string, TakeItem>([
  ['message', takeMessage],
  ['function_call', takeFunctionCall],
  ['function_call_output', takeOutput(false)],
  ['custom_tool_call', takeCustomCall],
  ['custom_tool_call_output', takeOutput(true)],
  ['reasoning', takeReasoning],
  ['agent_message', takeAgentMessage],
  ['additional_tools', takeTools],
  ['tool_search_output', takeTools],
  ['tool_search_call', leaveOut],
  ['web_search_call', leaveOut],
  ['item_reference', (_items, _item, path) => fault(path, STORED)],
  ['compaction', (_items, _item, path) => fault(path, SEALED)],
  ['compaction_summary', (_items, _item, path) => fault(path, SEALED)],
  ['context_compaction', (items, item, path) => (sealOf(item) === null ? leaveOut(items, item) : fault(path, SEALED))],
]);

function takeMessage(items: ItemReader, item: JsonObject, path: string): Fault | null {
  const at = `${path}.content`;
  const turn = readTurn(item['role'], item['content'], at) ?? fault(`${path}.role`, `${path}.role is not known.`);
  return isFault(turn) ? turn : items.add(turn);
}

/** Null if the role is not known. */
function readTurn(role: unknown, content: unknown, path: string): Exclude<Turn, { role: 'tool' }> | Fault | null {
  if (role === 'user') {
    const parts = readUserParts(content, path);
    return isFault(parts) ? parts : { role, parts };
  }
  if (role === 'assistant') {
    const parts = readAssistantParts(content, path);
    return isFault(parts) ? parts : { role, parts };
  }
  if (role !== 'system' && role !== 'developer') return null;
  const parts = readSystemParts(content, path);
  return isFault(parts) ? parts : { role: 'system', parts };
}

function takeFunctionCall(items: ItemReader, item: JsonObject, path: string): Fault | null {
  const { call_id: id, arguments: args } = item;
  const name = nameOf(item);
  if (typeof id !== 'string' || id === '') return fault(`${path}.call_id`, `${path}.call_id must be a string.`);
  if (name === '') return fault(`${path}.name`, `${path}.name must be a string.`);
  if (typeof args !== 'string' || !(isBlank(args) || parseObject(args) !== null))
    return fault(`${path}.arguments`, `${path}.arguments must be the JSON of an object, as a string.`);
  return items.call({ kind: 'tool_call', id, name, input: isBlank(args) ? '{}' : args, custom: false });
}

function takeCustomCall(items: ItemReader, item: JsonObject, path: string): Fault | null {
  const { call_id: id, input } = item;
  const name = nameOf(item);
  if (typeof id !== 'string' || id === '') return fault(`${path}.call_id`, `${path}.call_id must be a string.`);
  if (name === '') return fault(`${path}.name`, `${path}.name must be a string.`);
  if (typeof input !== 'string') return fault(`${path}.input`, `${path}.input must be a string.`);
  return items.call({ kind: 'tool_call', id, name, input, custom: true });
}

function takeOutput(custom: boolean): TakeItem {
  return (items, item, path) => {
    const { call_id: callId } = item;
    if (typeof callId !== 'string' || callId === '')
      return fault(`${path}.call_id`, `${path}.call_id must be a string.`);
    const parts = readResultParts(item['output'], `${path}.output`);
    if (isFault(parts)) return parts;
    return items.addResult({ callId: openCallId(callId).id, parts, isError: false, custom });
  };
}

/** What one agent of Codex tells another: a message that says who speaks. */
function takeAgentMessage(items: ItemReader, item: JsonObject, path: string): Fault | null {
  const parts = readResultParts(item['content'], `${path}.content`);
  if (isFault(parts)) return parts;
  const [author, recipient] = [textOf(item['author']), textOf(item['recipient'])];
  const head = author === null ? [] : [`Message from ${author}${recipient === null ? '' : ` to ${recipient}`}:`];
  return items.add({ role: 'user', parts: [...head.map((text) => ({ kind: 'text' as const, text })), ...parts] });
}

function takeReasoning(items: ItemReader, item: JsonObject): null {
  const text = thoughtOf(item);
  const sealed = sealOf(item);
  return text === '' && sealed === null ? null : items.say({ kind: 'thinking', text, sealed });
}

/** The text of a thought: its summary, or else the thought itself, which only open models show. */
export function thoughtOf(item: JsonObject): string {
  const texts = (list: unknown): readonly string[] =>
    itemsOf(list).flatMap((part) => textOf(fieldsOf(part)['text']) ?? []);
  const summary = texts(item['summary']);
  return (summary.length > 0 ? summary : texts(item['content'])).join('\n\n');
}

/** The seal of a thought, which may be another maker's that a reply carried in the field of OpenAI's. */
export function sealOf(item: JsonObject): SealedThought | null {
  const data = textOf(item['encrypted_content']);
  if (data === null) return null;
  const id = textOf(item['id']);
  return unpackSeal(data) ?? { maker: 'openai', kind: 'encrypted', data, ...(id === null ? {} : { id }) };
}

function takeTools(items: ItemReader, item: JsonObject, path: string): Fault | null {
  const tools = readTools(item['tools'], `${path}.tools`);
  if (isFault(tools)) return tools;
  for (const tool of tools) items.tools.push(tool);
  return null;
}

function leaveOut(items: ItemReader, item: JsonObject): null {
  items.leftOut.add(String(item['type']));
  return null;
}
