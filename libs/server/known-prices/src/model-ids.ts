import type { MatchLogic, ModelInfo } from '@pydantic/genai-prices';

/** An entry of the source: its own id, and the rule by which the source finds it. */
type Entry = Pick<ModelInfo, 'id' | 'match'>;

/**
 * Which ids of models an entry of the source prices. The source itself matches far too much: that an id begins with
 * another one, or contains it, says nothing of its price. Ids are never folded, in case or spaces.
 *
 * - The id is the entry's own, or is listed, exactly.
 * - The id is what the source says it begins with, or that and a date.
 * - The id matches a pattern of the source that is bound to both its ends.
 * - The id is a dated snapshot (`-2025-04-14`, `-20250414`) of a listed id, and is not listed itself: providers price a
 *   new snapshot as the model of that name.
 */
export function pricesId(entry: Entry, id: string): boolean {
  const named = modelOfTuned(id);
  if (entry.id === named) return true;
  return some(entry.match, (each) => {
    if ('equals' in each) return each.equals === named;
    if ('starts_with' in each) return begins(named, each.starts_with);
    return 'regex' in each && isBound(each.regex) && new RegExp(each.regex).test(named);
  });
}

/** Whether an entry lists the model of which this id is a dated snapshot. */
export function pricesSnapshot(entry: Entry, id: string): boolean {
  const undated = withoutDate(id);
  if (undated === id) return false;
  return entry.id === undated || some(entry.match, (each) => 'equals' in each && each.equals === undated);
}

/** The ids that an entry lists. */
export function listedIds({ id, match }: Entry): string[] {
  const ids = [id];
  some(match, (each) => {
    if ('equals' in each) ids.push(each.equals);
    else if ('starts_with' in each && !/[-@]$/.test(each.starts_with)) ids.push(each.starts_with);
    return false;
  });
  return [...new Set(ids)];
}

/** Whether one of the alternatives of a rule does. A conjunction has no alternatives: it says nothing of one id. */
function some(match: MatchLogic, does: (each: MatchLogic) => boolean): boolean {
  return 'or' in match ? match.or.some((each) => some(each, does)) : does(match);
}

/** An id that begins as the source says, and has nothing but a date or `-latest` behind the name of the model. */
function begins(id: string, start: string): boolean {
  if (id === start) return true;
  if (!id.startsWith(start)) return false;
  const name = withoutDate(id.endsWith('-latest') ? id.slice(0, -'-latest'.length) : id);
  // The start may reach into the date, as claude-sonnet-4-2025.
  return name !== id && start.startsWith(name);
}

const DATE = /[-@](\d{4})(-?)(\d{2})\2(\d{2})$/;

/** An id without the date of a snapshot at its end. */
function withoutDate(id: string): string {
  const [whole, year, , month, day] = DATE.exec(id) ?? [];
  if (whole === undefined) return id;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  const isDate = !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day) && Number(year) >= 2020;
  return isDate ? id.slice(0, -whole.length) : id;
}

/** Of `ft:gpt-4o-2024-08-06:acme::abc`, the model that was tuned: `ft:gpt-4o-2024-08-06`. */
function modelOfTuned(id: string): string {
  const [kind, model, ...rest] = id.split(':');
  return kind === 'ft' && model !== undefined && rest.length > 0 ? `ft:${model}` : id;
}

function isBound(regex: string): boolean {
  return regex.startsWith('^') && regex.endsWith('$') && !regex.includes('|');
}
