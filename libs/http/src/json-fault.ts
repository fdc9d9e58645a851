/** Where a JSON text stops being one; lines and columns count from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
}

/**
 * Finds the first character at which `text` cannot be JSON any more (RFC 8259); null where it is JSON.
 * `JSON.parse` says so only by quoting the text around it, and a body may hold a secret.
 */
export function findJsonFault(text: string): JsonFault | null {
  const offset = faultOffset(text);
  return offset === null ? null : placeAt(text, offset);
}

/** The line and column of an offset in `text`. */
export function placeAt(text: string, offset: number): JsonFault {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/** `value` or `name` is wanted next; after a comma, `]` and `}` are not. */
type Wanted = 'value' | 'value or ]' | 'name' | 'name or }' | ': ' | ', or end';

const WHITE_SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING_PART = /(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const LITERALS = ['true', 'false', 'null'];

function faultOffset(text: string): number | null {
  let at = 0;
  let wanted: Wanted = 'value';
  /** Closing brackets that are due, innermost last: no recursion, so nesting cannot exhaust the stack. */
  const open: ('}' | ']')[] = [];
  const match = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : at;
  };
  /** Past the string that starts here; the offset of its fault as a negative number where it has one. */
  const string = (): number => {
    at += 1;
    const end = match(STRING_PART);
    return text[end] === '"' ? end + 1 : -end - 1;
  };
  for (;;) {
    at = match(WHITE_SPACE);
    const char = text[at];
    const closes = open.at(-1);
    if (wanted === ', or end') {
      if (closes === undefined) return at === text.length ? null : at;
      if (char === closes) open.pop();
      else if (char === ',') wanted = closes === ']' ? 'value' : 'name';
      else return at;
      at += 1;
      continue;
    }
    if (wanted === ': ') {
      if (char !== ':') return at;
      at += 1;
      wanted = 'value';
      continue;
    }
    if ((wanted === 'value or ]' && char === ']') || (wanted === 'name or }' && char === '}')) {
      open.pop();
      at += 1;
      wanted = ', or end';
      continue;
    }
    if (wanted === 'name' || wanted === 'name or }') {
      if (char !== '"') return at;
      const end = string();
      if (end < 0) return -end - 1;
      at = end;
      wanted = ': ';
      continue;
    }
    if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']');
      at += 1;
      wanted = char === '{' ? 'name or }' : 'value or ]';
      continue;
    }
    const end = char === '"' ? string() : scalarEnd(text, at, match);
    if (end < 0) return -end - 1;
    if (end === at) return at;
    at = end;
    wanted = ', or end';
  }
}

function scalarEnd(text: string, at: number, match: (pattern: RegExp) => number): number {
  const literal = LITERALS.find((each) => text.startsWith(each, at));
  return literal === undefined ? match(NUMBER) : at + literal.length;
}
