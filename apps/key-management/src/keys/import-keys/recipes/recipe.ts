import { createHash } from 'node:crypto';

/** A key as another product exports it. */
export type ExportedKey = Readonly<Record<string, unknown>>;

/** A line for the import. `name` and `sha256` are always there. */
type ConvertedKey = Readonly<Record<string, unknown>> & { readonly name: string; readonly sha256: string };

/** What an operator has decided about what has no exact counterpart. */
export interface RecipeOptions {
  /** Fields whose meaning may be lost. */
  readonly ignored: ReadonlySet<string>;
  /** Days that reset a budget become cycles of the calendar: `1d` daily, `7d` weekly, `30d` monthly. */
  readonly calendar: boolean;
}

/** How the keys of one product are converted. */
export interface Recipe {
  /** Fields that say nothing of what the key may do: ids, times, counters. */
  readonly harmless: ReadonlySet<string>;
  /** Takes what it understands of a key from `fields`; what is left there has no counterpart. */
  convert(fields: Fields, options: RecipeOptions): ConvertedKey;
}

/** A key as a line, or why it cannot be one: a field has no counterpart, or a value no meaning here. */
export type Conversion = { readonly line: ConvertedKey } | { readonly refusals: readonly string[] };

/** Converts one key. What the recipe does not take and is not empty is refused by its name, and never dropped. */
export function convertKey(recipe: Recipe, key: ExportedKey, options: RecipeOptions): Conversion {
  const fields = new Fields(key, options.ignored);
  const line = recipe.convert(fields, options);
  const left = fields.left(recipe.harmless).map((name) => `${name} has no counterpart here`);
  const refusals = [...fields.refusals, ...left];
  return refusals.length > 0 ? { refusals } : { line };
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0);

const TRUE: ReadonlySet<string> = new Set(['true', 't', '1', 'yes', 'y', 'on']);
const FALSE: ReadonlySet<string> = new Set(['', 'false', 'f', '0', 'no', 'n', 'off']);

/** The fields of one exported key, of which a recipe takes those that it understands. */
export class Fields {
  readonly refusals: string[] = [];
  private readonly taken = new Set<string>();

  constructor(
    private readonly key: ExportedKey,
    private readonly ignored: ReadonlySet<string>,
  ) {}

  /** The value of a field; undefined where there is none, or where it is to be ignored. */
  take(name: string): unknown {
    this.taken.add(name);
    return this.ignored.has(name) ? undefined : (this.key[name] ?? undefined);
  }

  text(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string') return value;
    this.refuse(`${name} is no text`);
    return undefined;
  }

  /** Databases write large numbers as text. */
  number(name: string): number | undefined {
    const value = this.take(name);
    if (value === undefined || value === '') return undefined;
    const number = typeof value === 'number' ? value : typeof value === 'string' ? Number(value) : NaN;
    if (Number.isFinite(number)) return number;
    this.refuse(`${name} is no number`);
    return undefined;
  }

  /** Of a JSON export, and of databases and scripts that write 0 and 1, t and f, or True and False. */
  flag(name: string): boolean {
    const value = this.take(name) ?? '';
    const text = typeof value === 'object' ? '{}' : String(value).trim().toLowerCase();
    if (TRUE.has(text)) return true;
    if (!FALSE.has(text)) this.refuse(`${name} is neither true nor false`);
    return false;
  }

  /** A list, or a text of items with commas or line ends between them. */
  list(name: string): readonly string[] {
    const value = this.take(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value.map(String);
    if (typeof value !== 'string') {
      this.refuse(`${name} is no list`);
      return [];
    }
    // PostgreSQL writes arrays in braces.
    const bare = value.replace(/^\{(.*)\}$/s, '$1');
    return bare
      .split(/[\s,]+/)
      .map((item) => item.replace(/^"(.*)"$/, '$1'))
      .filter((item) => item !== '');
  }

  refuse(reason: string): void {
    this.refusals.push(reason);
  }

  /** Fields that were not taken and say something. */
  left(harmless: ReadonlySet<string>): string[] {
    return Object.keys(this.key).filter(
      (name) => !this.taken.has(name) && !harmless.has(name) && !this.ignored.has(name) && !isEmpty(this.key[name]),
    );
  }
}

const NAME_CHARACTERS_MAX = 100;

/** A name within the bounds that the import has. */
export const nameOf = (...candidates: readonly (string | undefined)[]): string =>
  (candidates.find((each) => each !== undefined && each.trim() !== '') ?? 'imported key')
    .trim()
    .slice(0, NAME_CHARACTERS_MAX);

/** An amount in USD, as the import takes it: nine decimals at most, and never more than there was. */
export function usd(amount: number): string {
  const nano = Math.max(0, Math.floor(amount * 1e9 + 1e-6));
  const digits = String(nano).padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '');
}

export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A moment in milliseconds since 1970 as the import writes it. */
export const moment = (ms: number): string => new Date(ms).toISOString();

/** Fields of a line that are there only where they restrict something. */
export const given = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
