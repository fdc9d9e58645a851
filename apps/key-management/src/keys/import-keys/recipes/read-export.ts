import type { ExportedKey } from './recipe.js';

/** Where the lists of keys stand in the replies and files of the products. */
const LISTS = ['data', 'keys', 'items', 'tokens'];

/**
 * The keys of an export: a JSON list, a reply that has one, several of these one after another, or a key on each line.
 * @throws {Error} that says on which line something is no JSON; it repeats nothing of the text
 */
export function readExport(text: string): ExportedKey[] {
  const whole = parsed(text);
  if (whole !== undefined) return keysIn(whole);
  return text.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return [];
    const value = parsed(line);
    if (value === undefined) throw new Error(`line ${at + 1} is no JSON`);
    return keysIn(value);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function keysIn(value: unknown): ExportedKey[] {
  if (Array.isArray(value)) return value.flatMap(keysIn);
  if (typeof value !== 'object' || value === null) throw new Error('the export has something in it that is no key');
  const list = LISTS.map((name) => (value as ExportedKey)[name]).find(
    (each) => typeof each === 'object' && each !== null,
  );
  return list === undefined ? [value as ExportedKey] : keysIn(list);
}
