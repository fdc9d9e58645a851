/** Whether a name is a pattern: `*` matches any characters, or none. */
export const hasWildcard = (name: string): boolean => name.includes('*');

/** Whether `pattern` matches the whole `text`. The time is linear in both, for every pattern. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const first = parts.shift() ?? '';
  const last = parts.pop();
  if (last === undefined) return first === text;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/**
 * Makes a look-up among names and patterns. An equal name wins, then the pattern with the most characters besides `*`,
 * then the one that is first in the list.
 */
export function compileNames<T>(entries: readonly T[], nameOf: (entry: T) => string): (name: string) => T | null {
  const exact = new Map<string, T>();
  for (const entry of entries.filter((each) => !hasWildcard(nameOf(each)))) exact.set(nameOf(entry), entry);
  const patterns = entries
    .filter((entry) => hasWildcard(nameOf(entry)))
    .map((entry) => ({ entry, pattern: nameOf(entry), literals: nameOf(entry).replaceAll('*', '').length }))
    .sort((a, b) => b.literals - a.literals);
  return (name) => exact.get(name) ?? patterns.find(({ pattern }) => matchesWildcard(pattern, name))?.entry ?? null;
}
