import type { AssistantPart, Turn } from '../conversation.js';
import { isBlank } from '../fields.js';

/**
 * Whether the turns, in the order of `orderTurns`, end with results of tools, and what the assistant said first since
 * the user's last message does not begin with a thought that Claude has sealed. Claude refuses to think by a budget
 * then: platform.claude.com/docs/en/build-with-claude/extended-thinking, "Extended thinking with tool use". What the
 * user says right after results becomes one message with them, and so begins nothing new.
 */
export function lacksThoughtOfLoop(turns: readonly Turn[]): boolean {
  let first: readonly AssistantPart[] | null = null;
  let answersTools = false;
  for (const turn of turns) {
    if (turn.role === 'user' && !answersTools) first = null;
    if (turn.role === 'assistant') first ??= turn.parts;
    if (turn.role === 'assistant' || turn.role === 'tool') answersTools = turn.role === 'tool';
  }
  return answersTools && first !== null && !beginsWithThought(first);
}

/** Blank texts and the thoughts of other makers are not sent, so that the part after them is the first. */
function beginsWithThought(parts: readonly AssistantPart[]): boolean {
  const first = parts.find(
    (part) => isSealed(part) || (part.kind !== 'thinking' && !(part.kind !== 'tool_call' && isBlank(part.text))),
  );
  return first !== undefined && isSealed(first);
}

function isSealed(part: AssistantPart): boolean {
  return part.kind === 'thinking' && part.sealed?.maker === 'anthropic';
}
