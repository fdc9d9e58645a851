import type { TextPart, ToolResult, Turn, UserPart } from '../conversation.js';
import type { Fault } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { isObject } from '../fields.js';
import { mapOrFault } from '../map-or-fault.js';
import { notCarried, unknownField } from './known-fields.js';
import { effortAtEnd, type ToolChange } from './mid-conversation.js';
import { BLOCKS, readContent, type ReadBlock } from './read-blocks.js';

/** Claude Code begins its system text with a line that differs in each request: no prefix would ever be cached. */
const BILLING_HEADER = /^x-anthropic-billing-header:[^\n]*(?:\n|$)/;

const MESSAGE_FIELDS = new Set(['role', 'content', 'output_config']);

/** The turn of the field `system`, without the line of Claude Code's billing; none if nothing is left of it. */
export function readSystem(system: unknown): readonly Turn[] | Fault {
  if (system === undefined || system === null) return [];
  const read = readContent(system, BLOCKS.system, 'system');
  if (isFault(read)) return read;
  const [first, ...others] = read as readonly TextPart[];
  if (first === undefined) return [];
  const text = first.text.replace(BILLING_HEADER, '');
  const parts = text === first.text ? [first, ...others] : text === '' ? others : [{ ...first, text }, ...others];
  return parts.length === 0 ? [] : [{ role: 'system', parts }];
}

/** What the field `messages` says. */
export interface ReadMessages {
  readonly turns: readonly Turn[];
  readonly toolChanges: readonly ToolChange[];
  /** How hard the model is to think; null if no message says it. */
  readonly effort: string | null;
}

/** Reads the field `messages`. Texts that are empty are left out, as other makers refuse them, and so are turns. */
export function readMessages(messages: unknown): ReadMessages | Fault {
  if (!Array.isArray(messages)) return fault('messages', 'They must be a list.');
  const toolChanges: ToolChange[] = [];
  const turns = mapOrFault(messages, (message, at) => readMessage(message, `messages[${at}]`, toolChanges));
  if (isFault(turns)) return turns;
  const effort = effortAtEnd(messages);
  if (isFault(effort)) return effort;
  return { turns: turns.flat(), toolChanges, effort };
}

function readMessage(message: unknown, path: string, toolChanges: ToolChange[]): readonly Turn[] | Fault {
  if (!isObject(message)) return fault(path, 'A message must be an object.');
  const unknown = unknownField(message, MESSAGE_FIELDS);
  if (unknown !== undefined) return notCarried(`${path}.${unknown}`);
  const { role, content } = message;
  if (role !== 'user' && role !== 'assistant' && role !== 'system')
    return fault(`${path}.role`, 'The role of a message must be user, assistant or system.');
  const types = role === 'system' ? BLOCKS.laterSystem : BLOCKS[role];
  const read = readContent(content, types, `${path}.content`);
  if (isFault(read)) return read;
  for (const block of read) if (block.kind === 'tool_change') toolChanges.push(block.change);
  const blocks = read.filter((block) => block.kind !== 'tool_change' && !(block.kind === 'text' && block.text === ''));
  if (role === 'user') return turnsOfUser(blocks);
  return blocks.length === 0 ? [] : [{ role, parts: blocks as never } as Turn];
}

/** Results come before all else: they must follow the calls at once, wherever the caller has put them. */
function turnsOfUser(blocks: readonly ReadBlock[]): readonly Turn[] {
  const results = blocks.flatMap((block): ToolResult[] => (block.kind === 'result' ? [block.result] : []));
  const parts = blocks.filter(
    (block): block is UserPart & ReadBlock => block.kind !== 'result' && block.kind !== 'tool_change',
  );
  return [
    ...(results.length === 0 ? [] : [{ role: 'tool' as const, results }]),
    ...(parts.length === 0 ? [] : [{ role: 'user' as const, parts }]),
  ];
}
