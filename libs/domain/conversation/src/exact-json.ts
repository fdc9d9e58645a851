/**
 * The numbers of parsed objects and lists that a double does not hold as they were written, by their names: `1e400`,
 * `0.1000`, and integers beyond 2^53, such as many databases have for ids. JavaScript rounds them in silence.
 */
const WRITTEN = new WeakMap<object, Map<string, string>>();

/**
 * Finds a number that JavaScript may write in another way: it is long, or has an exponent, a zero at the end of its
 * fraction, many at the beginning of it, or is `-0`. Texts in quotes can look like it too.
 */
const MAY_BE_ODD = /[:,[\s]-?(?:[\d.]{16}|[\d.]+[eE]|\d+\.\d*0(?!\d)|0\.000000)|[:,[\s]-0(?![\d.])/;

/** Values that are nested more deeply are refused: `JSON.stringify` has no stack for a few thousand levels. */
const DEPTH_MAX = 1_000;
/** A text with more numbers is refused if one of them must be remembered: each takes some 100 bytes of memory then. */
const NUMBERS_MAX = 250_000;

/**
 * Parses JSON as `JSON.parse` does, and remembers the numbers that JavaScript would change, so that `writeJson` writes
 * them unchanged. The value has plain numbers. A copy of one of its objects does not remember the object's own numbers,
 * but those of the objects in it.
 *
 * @throws SyntaxError for a text that is not JSON, or is nested more than 1,000 levels deep, or has more than
 * 250,000 numbers and among them one to remember.
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Each level takes two brackets.
  if (text.length > 2 * DEPTH_MAX && isDeeperThan(DEPTH_MAX, value)) throw new SyntaxError('It is nested too deeply.');
  if (MAY_BE_ODD.test(text)) new NumberNotes(text).take(value);
  return value;
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const nested: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return nested.some((each) => isDeeperThan(levels - 1, each));
}

/** Writes a value as `JSON.stringify` does, with the numbers that `parseJson` remembers. */
export function writeJson(value: unknown): string {
  hasRemembered = false;
  const text = JSON.stringify(value);
  return hasRemembered ? written(value) : text;
}

/** Set by `noticed`, whenever `JSON.stringify` meets an object of which numbers are remembered. */
let hasRemembered = false;

function noticed(this: unknown): unknown {
  hasRemembered = true;
  return this;
}

function written(value: unknown): string {
  if (typeof value !== 'object' || value === null) return (JSON.stringify(value) as string | undefined) ?? 'null';
  const numbers = WRITTEN.get(value);
  if (Array.isArray(value)) return `[${value.map((item, at) => writtenAt(item, numbers?.get(String(at)))).join(',')}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${writtenAt(field, numbers?.get(name))}`).join(',')}}`;
}

/** A name may be repeated in a text, so that what is remembered under it is another value's. */
function writtenAt(value: unknown, number: string | undefined): string {
  return number !== undefined && Object.is(value, Number(number)) ? number : written(value);
}

/** An object or a list that is open where the text is read. */
interface Open {
  /** Its value; of a name that is repeated, the value that the last one has. */
  readonly value: unknown;
  readonly isList: boolean;
  /** The place of the current item in a list. */
  index: number;
  /** The current name in an object, as it is written, with its quotes; null before it. */
  name: string | null;
}

const NUMBER = /[-\d][\d.eE+-]*/y;

/** Reads a text that is JSON, beside its value, without a call in itself: both may be nested deeply. */
class NumberNotes {
  private readonly open: Open[] = [];
  private numbers = 0;

  constructor(private readonly text: string) {}

  take(root: unknown): void {
    const { text, open } = this;
    for (let at = 0; at < text.length;) {
      const character = text.charAt(at);
      if (character === '"') {
        at = this.string(at);
        continue;
      }
      if (character === '-' || (character >= '0' && character <= '9')) {
        at = this.number(at);
        continue;
      }
      if (character === '{' || character === '[') {
        const value = open.length === 0 ? root : this.current();
        open.push({ value, isList: character === '[', index: 0, name: null });
      } else if (character === '}' || character === ']') open.pop();
      else if (character === ',') this.next();
      at++;
    }
  }

  /** Returns the place after the string that begins at `at`. */
  private string(at: number): number {
    const { text } = this;
    let quote = text.indexOf('"', at + 1);
    for (let from = at + 1; isEscaped(text, quote, from); quote = text.indexOf('"', from)) from = quote + 1;
    const last = this.open.at(-1);
    if (last !== undefined && !last.isList) last.name ??= text.slice(at, quote + 1);
    return quote + 1;
  }

  /** Returns the place after the number that begins at `at`. */
  private number(at: number): number {
    if (++this.numbers > NUMBERS_MAX) throw new SyntaxError('It has too many numbers.');
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(this.text)?.[0] ?? ' ';
    if (String(Number(number)) !== number) this.remember(number);
    return at + number.length;
  }

  private next(): void {
    const last = this.open.at(-1);
    if (last === undefined) return;
    last.index++;
    last.name = null;
  }

  /** The value that begins here. */
  private current(): unknown {
    const last = this.open.at(-1);
    if (last === undefined || typeof last.value !== 'object' || last.value === null) return undefined;
    return (last.value as Readonly<Record<string, unknown>>)[nameOf(last)];
  }

  private remember(number: string): void {
    const last = this.open.at(-1);
    if (last === undefined || typeof last.value !== 'object' || last.value === null) return;
    const { value } = last;
    const numbers = WRITTEN.get(value) ?? new Map<string, string>();
    numbers.set(nameOf(last), number);
    WRITTEN.set(value, numbers);
    // A field of this name, which no tool has, would be written with rounded numbers.
    if (!Object.hasOwn(value, 'toJSON')) Object.defineProperty(value, 'toJSON', { value: noticed, configurable: true });
  }
}

function nameOf({ isList, index, name }: Open): string {
  if (isList) return String(index);
  if (name === null) return '';
  return name.includes('\\') ? (JSON.parse(name) as string) : name.slice(1, -1);
}

/** Whether an odd number of backslashes stands before a place, from `from` on. */
function isEscaped(text: string, place: number, from: number): boolean {
  let slash = place - 1;
  while (slash >= from && text.charAt(slash) === '\\') slash--;
  return (place - 1 - slash) % 2 === 1;
}
