import type { TextPart, Turn, UserPart } from '../conversation.js';
import { isBlank } from '../fields.js';

/**
 * Turns for servers that take what the operator says only as one text before all else, as the templates of many models
 * do. What is said first becomes one text, with blank lines between its parts. What is said later keeps its place, as
 * a text of the user's turn between the tags `<system-reminder>`.
 */
export function systemFirst(turns: readonly Turn[]): readonly Turn[] {
  const found = turns.findIndex(({ role }) => role !== 'system');
  const first = found === -1 ? turns.length : found;
  const text = textsOf(turns.slice(0, first)).join('\n\n');
  const others = withReminders(turns.slice(first));
  return text === '' ? others : [{ role: 'system', parts: [{ kind: 'text', text }] }, ...others];
}

/** A reminder becomes one turn with those of the user beside it: many templates want the roles to take turns. */
function withReminders(turns: readonly Turn[]): readonly Turn[] {
  const written: Turn[] = [];
  let last: { readonly parts: UserPart[]; reminds: boolean } | null = null;
  for (const turn of turns) {
    if (turn.role !== 'system' && turn.role !== 'user') {
      written.push(turn);
      last = null;
      continue;
    }
    const reminds = turn.role === 'system';
    const parts = reminds ? textsOf([turn]).map(reminder) : turn.parts;
    if (parts.length === 0) continue;
    if (last !== null && (reminds || last.reminds)) {
      for (const part of parts) last.parts.push(part);
      last.reminds = reminds;
    } else {
      last = { parts: [...parts], reminds };
      written.push({ role: 'user', parts: last.parts });
    }
  }
  return written;
}

function textsOf(turns: readonly Turn[]): readonly string[] {
  const parts = turns.flatMap((turn) => (turn.role === 'system' ? turn.parts : []));
  return parts.map(({ text }) => text).filter((text) => !isBlank(text));
}

function reminder(text: string): TextPart {
  return { kind: 'text', text: `<system-reminder>\n${text}\n</system-reminder>` };
}
