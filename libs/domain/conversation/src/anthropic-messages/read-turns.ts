import type { TextPart, ToolResult, Turn, UserPart } from '../conversation.js';
import type { Fault } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { isObject } from '../fields.js';
import { mapOrFault } from '../map-or-fault.js';
import { notCarried, unknownField } from './known-fields.js';
import { BLOCKS, readContent, type ReadBlock } from './read-blocks.js';

/** Claude Code begins its system text with a line that differs in each request: no prefix would ever be cached. */
const BILLING_HEADER = /^x-anthropic-billing-header:[^\n]*(?:\n|$)/;

const MESSAGE_FIELDS = new Set(['role', 'content']);

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

/** The turns of the field `messages`. */
export function readMessages(messages: unknown): readonly Turn[] | Fault {
  if (!Array.isArray(messages)) return fault('messages', 'They must be a list.');
  const turns = mapOrFault(messages, (message, at) => readMessage(message, `messages[${at}]`));
  return isFault(turns) ? turns : turns.flat();
}

function readMessage(message: unknown, path: string): readonly Turn[] | Fault {
  if (!isObject(message)) return fault(path, 'A message must be an object.');
  const unknown = unknownField(message, MESSAGE_FIELDS);
  if (unknown !== undefined) return notCarried(`${path}.${unknown}`);
  const { role, content } = message;
  if (role !== 'user' && role !== 'assistant' && role !== 'system')
    return fault(`${path}.role`, 'The role of a message must be user, assistant or system.');
  const blocks = readContent(content, BLOCKS[role], `${path}.content`);
  if (isFault(blocks)) return blocks;
  if (role === 'user') return turnsOfUser(blocks);
  return [{ role, parts: blocks as never } as Turn];
}

/** Results come before all else: they must follow the calls at once, wherever the caller has put them. */
function turnsOfUser(blocks: readonly ReadBlock[]): readonly Turn[] {
  const results = blocks.flatMap((block): ToolResult[] => (block.kind === 'result' ? [block.result] : []));
  const parts = blocks.filter((block): block is UserPart & ReadBlock => block.kind !== 'result');
  if (results.length === 0) return [{ role: 'user', parts }];
  return [{ role: 'tool', results }, ...(parts.length === 0 ? [] : [{ role: 'user' as const, parts }])];
}
