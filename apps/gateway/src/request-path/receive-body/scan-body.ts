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
}

export type ScanFault =
  | { readonly kind: 'not_json'; readonly at: number }
  | { readonly kind: 'not_object' }
  /** A field spelt twice, or with escapes: two readers could understand two different things. */
  | { readonly kind: 'ambiguous'; readonly field: string };

type FieldName = Exclude<keyof BodyFields, 'open'>;
const FIELDS: ReadonlyMap<string, FieldName> = new Map([
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
]);
const FIELD_LENGTH_MAX = 21;
/** Deeper nesting is refused: no client has it, and readers behind us may recurse. */
const DEPTH_MAX = 256;

const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d, OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d, COMMA = 0x2c, COLON = 0x3a;
/** String bytes looked at one by one before the search goes native. */
const NATIVE_AFTER = 48;

/**
 * Finds the top-level fields of a JSON object without building it. The grammar is checked to the last bracket, but for
 * what stands inside strings: those bytes go upstream as they came.
 */
export function scanBody(bytes: Buffer): BodyFields | ScanFault {
  const found: Record<FieldName, Span | null> = { model: null, stream: null, streamOptions: null, maxTokens: null, maxCompletionTokens: null, n: null, messages: null, modalities: null, audio: null, serviceTier: null, webSearchOptions: null, usage: null };
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) {
    const end = skipValue(bytes, at);
    return end > 0 && skipSpace(bytes, end) === bytes.length ? { kind: 'not_object' } : { kind: 'not_json', at };
  }
  const open = at + 1;
  at = skipSpace(bytes, open);
  if (bytes[at] === CLOSE_BRACE) return finish(bytes, at + 1, open, found);
  for (;;) {
    if (bytes[at] !== QUOTE) return { kind: 'not_json', at };
    const nameEnd = skipString(bytes, at + 1);
    if (nameEnd < 0) return { kind: 'not_json', at };
    const name = fieldName(bytes, at + 1, nameEnd - 1);
    if (name === null) return { kind: 'ambiguous', field: 'a field name with escapes' };
    at = skipSpace(bytes, nameEnd);
    if (bytes[at] !== COLON) return { kind: 'not_json', at };
    const start = skipSpace(bytes, at + 1);
    const end = skipValue(bytes, start);
    if (end < 0) return { kind: 'not_json', at: start };
    const field = FIELDS.get(name);
    if (field !== undefined) {
      if (found[field] !== null) return { kind: 'ambiguous', field: name };
      found[field] = { start, end };
    }
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACE) return finish(bytes, at + 1, open, found);
    if (bytes[at] !== COMMA) return { kind: 'not_json', at };
    at = skipSpace(bytes, at + 1);
  }
}

function finish(bytes: Buffer, end: number, open: number, found: Record<FieldName, Span | null>): BodyFields | ScanFault {
  const rest = skipSpace(bytes, end);
  return rest === bytes.length ? { open, ...found } : { kind: 'not_json', at: rest };
}

/** The name as text, empty where it is too long to be one of ours; null where it is spelt with escapes. */
function fieldName(bytes: Buffer, start: number, end: number): string | null {
  for (let i = start; i < end; i++) if (bytes[i] === BACKSLASH) return null;
  return end - start > FIELD_LENGTH_MAX ? '' : bytes.toString('latin1', start, end);
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** From the byte after the opening quote to the byte after the closing one; -1 where there is none. */
function skipString(bytes: Buffer, from: number): number {
  const near = Math.min(from + NATIVE_AFTER, bytes.length);
  let at = from;
  while (at < near) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return -1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return -1;
    let slash = quote - 1;
    while (slash >= at && bytes[slash] === BACKSLASH) slash--;
    if ((quote - 1 - slash) % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

const SCALAR = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
const SCALAR_LENGTH_MAX = 64;

function skipScalar(bytes: Buffer, from: number): number {
  SCALAR.lastIndex = 0;
  return SCALAR.test(bytes.toString('latin1', from, from + SCALAR_LENGTH_MAX)) ? from + SCALAR.lastIndex : -1;
}

/** The byte after a value; -1 where it is none. */
function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
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
      } else {
        closers.push(closer);
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
