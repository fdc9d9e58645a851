import type { TextPart, Turn } from '../conversation.js';
import type { Fault, JsonObject } from '../dialect-codec.js';
import { fault, isFault } from '../fault.js';
import { isBlank } from '../fields.js';
import { mapOrFault } from '../map-or-fault.js';
import type { ClaudeModel } from './models.js';
import { assistantBlocks, resultBlocks, textBlocks, userBlocks, type BlockContext } from './write-blocks.js';

export interface WrittenTurns {
  /** The blocks of the field `system`; none if nothing is said before the conversation. */
  readonly system: readonly JsonObject[];
  readonly messages: readonly JsonObject[];
}

/** A turn with its blocks. Those of the system have them without tags. */
interface Written {
  readonly turn: Turn;
  readonly blocks: readonly JsonObject[];
}

interface Message {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: JsonObject[];
}

/**
 * Writes turns, which `orderTurns` has brought into order. Neighbours of one role become one message: results of tools
 * and what the user says after them too, with the results first. Turns of which nothing is left are left out.
 *
 * What the operator says before all other turns becomes `system`. Later it keeps its place: as a turn of the system
 * where the model takes one (after a turn of the user, and before one of the assistant or at the end), else as a text
 * within the user's turn, between the tags `<system-reminder>`. If nobody else says anything, it is a turn of the user.
 */
export function writeTurns(turns: readonly Turn[], model: ClaudeModel, context: BlockContext): WrittenTurns | Fault {
  const all = mapOrFault(turns, (turn) => {
    const blocks = blocksOf(turn, context);
    return isFault(blocks) ? blocks : { turn, blocks };
  });
  if (isFault(all)) return all;
  const written = all.filter(({ blocks }) => blocks.length > 0);
  const found = written.findIndex(({ turn }) => turn.role !== 'system');
  // Other makers' models answer to instructions alone; Claude wants to hear something from a user.
  const isAlone = found === -1;
  const first = isAlone ? 0 : found;
  const messages = isAlone ? asUser(written) : messagesOf(written.slice(first), model);
  if (messages.length === 0 || messages.at(-1)?.role === 'assistant')
    return fault(
      context.fieldOf('turns'),
      'Claude answers a turn of the user; the last one must be one, with content.',
    );
  return {
    system: written.slice(0, first).flatMap(({ blocks }) => blocks),
    messages: messages.map((each) => ({ ...each })),
  };
}

function blocksOf(turn: Turn, context: BlockContext): readonly JsonObject[] | Fault {
  switch (turn.role) {
    case 'system':
      return textBlocks(turn.parts);
    case 'user':
      return userBlocks(turn.parts, context);
    case 'tool':
      return resultBlocks(turn.results, context);
    case 'assistant':
      return assistantBlocks(turn.parts, context);
    default:
      return turn satisfies never;
  }
}

function asUser(written: readonly Written[]): readonly Message[] {
  const content = written.flatMap(({ blocks }) => blocks);
  return content.length === 0 ? [] : [{ role: 'user', content }];
}

function messagesOf(written: readonly Written[], model: ClaudeModel): readonly Message[] {
  const messages: Message[] = [];
  const next = nextRoles(written);
  for (const [at, { turn, blocks }] of written.entries()) {
    if (turn.role === 'assistant') add(messages, 'assistant', blocks);
    else if (turn.role !== 'system') add(messages, 'user', blocks);
    else if (model.systemTurns && mayStay(messages.at(-1), next[at])) add(messages, 'system', blocks);
    else add(messages, 'user', textBlocks(turn.parts.map(reminder)));
  }
  return messages;
}

/** platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages, on where such turns may stand. */
function mayStay(before: Message | undefined, next: Turn['role'] | undefined): boolean {
  return before !== undefined && before.role !== 'assistant' && (next === undefined || next === 'assistant');
}

/** For each turn, the role of the next one that is not of the system; undefined if none follows. */
function nextRoles(written: readonly Written[]): readonly (Turn['role'] | undefined)[] {
  let next: Turn['role'] | undefined;
  return written
    .toReversed()
    .map(({ turn }) => {
      const role = next;
      if (turn.role !== 'system') next = turn.role;
      return role;
    })
    .reverse();
}

function reminder(part: TextPart): TextPart {
  return isBlank(part.text) ? part : { ...part, text: `<system-reminder>\n${part.text}\n</system-reminder>` };
}

function add(messages: Message[], role: Message['role'], blocks: readonly JsonObject[]): void {
  const last = messages.at(-1);
  if (last?.role === role) for (const block of blocks) last.content.push(block);
  else messages.push({ role, content: [...blocks] });
}
