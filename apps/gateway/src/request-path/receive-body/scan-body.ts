import { hasControlCharacter } from './control-characters.js';

/** Where a value stands in the body: its first byte, and the one after its last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The top-level fields of an inference body that the gateway reads or replaces; null where the body has none. */
export interface BodyFields {
  /** The byte after the opening brace: where fields are put in. */
  readonly open: number;
  readonly model: Span | null;
  readonly stream: Span | null;
  readonly streamOptions: Span | null;
  readonly maxTokens: Span | null;
  readonly maxCompletionTokens: Span | null;
  readonly n: Span | null;
  readonly messages: Span | null;
  readonly modalities: Span | null;
  readonly audio: Span | null;
  readonly serviceTier: Span | null;
  readonly webSearchOptions: Span | null;
  readonly usage: Span | null;
  /** Something in `messages` may cost more than its bytes say: it nests more than messages of plain text do. */
  readonly nestedMessages: boolean;
}

export type ScanFault =
  | { readonly kind: 'not_json'; readonly at: number }
  | { readonly kind: 'not_object' }
  /** A field of ours spelt twice, or with escapes: two readers could understand two different things. */
  | { readonly kind: 'ambiguous'; readonly field: string };

type FieldName = Exclude<keyof BodyFields, 'open' | 'nestedMessages'>;
type Found = { -readonly [K in keyof BodyFields]: BodyFields[K] };
const FIELDS: readonly (readonly [string, FieldName])[] = [
  ['model', 'model'],
  ['stream', 'stream'],
  ['stream_options', 'streamOptions'],
  ['max_tokens', 'maxTokens'],
  ['max_completion_tokens', 'maxCompletionTokens'],
  ['n', 'n'],
  ['messages', 'messages'],
  ['modalities', 'modalities'],
  ['audio', 'audio'],
  ['service_tier', 'serviceTier'],
  ['web_search_options', 'webSearchOptions'],
  ['usage', 'usage'],
];
const FIELD_NAMES: ReadonlySet<string> = new Set(FIELDS.map(([name]) => name));
interface Known {
  readonly name: Buffer;
  readonly field: FieldName;
}
/** By the length of their names: comparing bytes is cheaper than making a text of each name. */
const FIELDS_OF_LENGTH: readonly (readonly Known[])[] = Array.from({ length: 1 + Math.max(...FIELDS.map(([name]) => name.length)) }, (_, length) =>
  FIELDS.flatMap(([name, field]) => (name.length === length ? [{ name: Buffer.from(name), field }] : [])));
/** Deeper nesting is refused: no client has it, and readers behind us may recurse. */
const DEPTH_MAX = 256;
/** A list of objects. */
const PLAIN_MESSAGES_DEPTH = 2;

const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d, OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d, COMMA = 0x2c, COLON = 0x3a;
/** String bytes looked at one by one before the search goes native. */
const NATIVE_AFTER = 48;
/** Bytes before the end in which a reply's usage usually stands. */
const NEAR_END = 256;

/**
 * Finds the top-level fields of a JSON object without building it. The grammar is checked to the last bracket; of
 * strings it is checked that they end and hold no raw control character, while their escapes and their UTF-8 go
 * upstream as they came. A field that is none of ours may have any name, also one that is spelt with escapes.
 */
export function scanBody(bytes: Buffer): BodyFields | ScanFault {
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) {
    const end = skipValue(bytes, at);
    return end > 0 && skipSpace(bytes, end) === bytes.length ? { kind: 'not_object' } : { kind: 'not_json', at };
  }
  const found: Found = {
    open: at + 1, model: null, stream: null, streamOptions: null, maxTokens: null, maxCompletionTokens: null, n: null, messages: null,
    modalities: null, audio: null, serviceTier: null, webSearchOptions: null, usage: null, nestedMessages: false,
  };
  at = skipSpace(bytes, found.open);
  if (bytes[at] === CLOSE_BRACE) return finish(bytes, at + 1, found);
  for (;;) {
    if (bytes[at] !== QUOTE) return { kind: 'not_json', at };
    const nameEnd = skipString(bytes, at + 1);
    if (nameEnd < 0) return { kind: 'not_json', at };
    if (isEscaped(bytes, at + 1, nameEnd - 1)) {
      const name = unescaped(bytes, at, nameEnd);
      if (name === undefined) return { kind: 'not_json', at };
      if (FIELD_NAMES.has(name)) return { kind: 'ambiguous', field: name };
    }
    const field = fieldNamed(bytes, at + 1, nameEnd - 1);
    at = skipSpace(bytes, nameEnd);
    if (bytes[at] !== COLON) return { kind: 'not_json', at };
    const start = skipSpace(bytes, at + 1);
    const end = skipValue(bytes, start);
    if (end < 0) return { kind: 'not_json', at: start };
    if (field !== null) {
      if (found[field] !== null) return { kind: 'ambiguous', field: FIELDS.find(([, each]) => each === field)![0] };
      found[field] = { start, end };
      if (field === 'messages') found.nestedMessages = deepest > PLAIN_MESSAGES_DEPTH;
    }
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACE) return finish(bytes, at + 1, found);
    if (bytes[at] !== COMMA) return { kind: 'not_json', at };
    at = skipSpace(bytes, at + 1);
  }
}

/**
 * The value of the last field of a name (given with its quotes) of a JSON object, looked for from its end: of a reply that is mostly text, the few
 * bytes behind the field are all that is read. Undefined where it cannot be told so: no such name, it stands deeper, or
 * within a string. Then `scanBody` tells.
 */
export function lastField(bytes: Buffer, quotedName: Buffer): Span | undefined {
  const at = lastIndexOf(bytes, quotedName);
  // Behind a backslash the quote is text.
  if (at <= 0 || bytes[at - 1] === BACKSLASH) return undefined;
  const colon = skipSpace(bytes, at + quotedName.length);
  if (bytes[colon] !== COLON) return undefined;
  const start = skipSpace(bytes, colon + 1);
  const end = skipValue(bytes, start);
  if (end < 0) return undefined;
  // What follows closes one brace, and that is the last one: so the field was the object's own.
  let next = skipSpace(bytes, end);
  while (bytes[next] === COMMA) {
    const value = skipName(bytes, skipSpace(bytes, next + 1));
    if (value < 0) return undefined;
    const valueEnd = skipValue(bytes, value);
    if (valueEnd < 0) return undefined;
    next = skipSpace(bytes, valueEnd);
  }
  return bytes[next] === CLOSE_BRACE && skipSpace(bytes, next + 1) === bytes.length ? { start, end } : undefined;
}

/** Near the end a loop finds it before a native search has begun. */
function lastIndexOf(bytes: Buffer, word: Buffer): number {
  const [first, length] = [word[0], word.length];
  const near = Math.max(0, bytes.length - NEAR_END);
  for (let from = bytes.length - length; from >= near; from--) {
    if (bytes[from] !== first) continue;
    let at = 1;
    while (at < length && bytes[from + at] === word[at]) at++;
    if (at === length) return from;
  }
  return near === 0 ? -1 : bytes.lastIndexOf(word, near - 1);
}

function finish(bytes: Buffer, end: number, found: Found): BodyFields | ScanFault {
  const rest = skipSpace(bytes, end);
  return rest === bytes.length ? found : { kind: 'not_json', at: rest };
}

function isEscaped(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

/** What a name (with its quotes) says once its escapes are read; undefined where they are no JSON. */
function unescaped(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as string;
  } catch {
    return undefined;
  }
}

/** Which of our fields a name stands for; null for any other. */
function fieldNamed(bytes: Buffer, start: number, end: number): FieldName | null {
  const candidates = FIELDS_OF_LENGTH[end - start];
  if (candidates === undefined) return null;
  for (let i = 0; i < candidates.length; i++) {
    const { name, field } = candidates[i]!;
    let at = 0;
    while (at < name.length && bytes[start + at] === name[at]) at++;
    if (at === name.length) return field;
  }
  return null;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/**
 * From the byte after the opening quote to the byte after the closing one; -1 where there is none, or a raw control
 * character stands before it.
 */
function skipString(bytes: Buffer, from: number): number {
  const near = Math.min(from + NATIVE_AFTER, bytes.length);
  let at = from;
  while (at < near) {
    let byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) byte = bytes[++at]!;
    // An escape never makes a control character of one, so none may stand behind a backslash either.
    if (byte < 0x20) return -1;
    at++;
  }
  const native = at;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return -1;
    let slash = quote - 1;
    while (slash >= at && bytes[slash] === BACKSLASH) slash--;
    if ((quote - 1 - slash) % 2 === 0) return hasControlCharacter(bytes, native, quote) ? -1 : quote + 1;
    at = quote + 1;
  }
}

const TRUE = Buffer.from('true'), FALSE = Buffer.from('false'), NULL = Buffer.from('null');

/** The byte after a number, `true`, `false` or `null`; -1 where it is none. */
function skipScalar(bytes: Buffer, from: number): number {
  switch (bytes[from]) {
    case 0x74: return skipWord(bytes, from, TRUE);
    case 0x66: return skipWord(bytes, from, FALSE);
    case 0x6e: return skipWord(bytes, from, NULL);
    default: return skipNumber(bytes, from);
  }
}

function skipWord(bytes: Buffer, from: number, word: Buffer): number {
  for (let i = 1; i < word.length; i++) if (bytes[from + i] !== word[i]) return -1;
  return from + word.length;
}

const MINUS = 0x2d, PLUS = 0x2b, POINT = 0x2e, ZERO = 0x30, NINE = 0x39;

function skipNumber(bytes: Buffer, from: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  let at = skipDigits(bytes, first);
  if (at === first || (bytes[first] === ZERO && at > first + 1)) return -1;
  if (bytes[at] === POINT) {
    const end = skipDigits(bytes, at + 1);
    if (end === at + 1) return -1;
    at = end;
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1];
    const digits = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    at = skipDigits(bytes, digits);
    if (at === digits) return -1;
  }
  return at;
}

function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at;
}

/** How deep the value that was skipped last is nested: 0 for a scalar or a string. Kept beside, so that a skip makes nothing. */
let deepest = 0;

/** The byte after a value; -1 where it is none. */
function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  deepest = 0;
  if (first === QUOTE) return skipString(bytes, from + 1);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(bytes, from);
  return skipScalar(bytes, from);
}

/** The byte after an object or array, whatever it nests; -1 where the brackets, commas or names are wrong. */
function skipNested(bytes: Buffer, from: number): number {
  const closers: number[] = [];
  let at = from;
  for (;;) {
    // At a value.
    const byte = bytes[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (closers.length === DEPTH_MAX) return -1;
      const closer = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] === closer) {
        at += 1;
        if (closers.length >= deepest) deepest = closers.length + 1;
      } else {
        closers.push(closer);
        if (closers.length > deepest) deepest = closers.length;
        if (closer === CLOSE_BRACE && (at = skipName(bytes, at)) < 0) return -1;
        continue;
      }
    } else {
      at = byte === QUOTE ? skipString(bytes, at + 1) : skipScalar(bytes, at);
      if (at < 0) return -1;
    }
    // After a value: what it stands in goes on, or ends.
    for (;;) {
      const closer = closers.at(-1);
      if (closer === undefined) return at;
      at = skipSpace(bytes, at);
      if (bytes[at] === closer) {
        closers.pop();
        at += 1;
        continue;
      }
      if (bytes[at] !== COMMA) return -1;
      at = skipSpace(bytes, at + 1);
      if (closer === CLOSE_BRACE && (at = skipName(bytes, at)) < 0) return -1;
      break;
    }
  }
}

/** From a name's opening quote to the value behind its colon; -1 where that is not what stands there. */
function skipName(bytes: Buffer, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  const end = skipString(bytes, from + 1);
  if (end < 0) return -1;
  const colon = skipSpace(bytes, end);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : -1;
}
