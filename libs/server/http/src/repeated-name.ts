import { placeAt, type JsonFault } from './json-fault.js';

/**
 * Where an object of a JSON text gives a name for the second time, however it is spelt (`"a"` and `"\u0061"`); null
 * where none does. `text` must be JSON (RFC 8259): `JSON.parse` has taken it. Without recursion, so that nesting cannot
 * exhaust the stack.
 */
export function findRepeatedName(text: string): JsonFault | null {
  /** What is open, innermost last: the names of an object so far, null for a list. */
  const open: (Set<string> | null)[] = [];
  let nameDue = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charAt(at)) {
      case '{':
        open.push(new Set());
        nameDue = true;
        break;
      case '[':
        open.push(null);
        nameDue = false;
        break;
      case '}':
      case ']':
        open.pop();
        nameDue = false;
        break;
      case ',':
        nameDue = (open.at(-1) ?? null) !== null;
        break;
      case '"': {
        const end = endOfString(text, at);
        const names = nameDue ? open.at(-1) : null;
        if (names && !isNew(names, text.slice(at, end))) return placeAt(text, at);
        nameDue = false;
        at = end - 1;
        break;
      }
      default:
    }
  }
  return null;
}

/** The offset behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

/** Whether an odd number of backslashes stands before this place. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

/** Adds a name; false where it was there. */
function isNew(names: Set<string>, literal: string): boolean {
  const name = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1);
  if (names.has(name)) return false;
  names.add(name);
  return true;
}
