/** What a provider is sent of the headers that a caller wrote for its API. */
export interface PassedHeaders {
  /** Names and values in turn. */
  readonly sent: readonly string[];
  /** What was left out, as `name: value`. */
  readonly leftOut: readonly string[];
}

/** A value of a header that this provider may not be sent, because it can change the price or the model. */
export interface RefusedHeader {
  readonly header: string;
  readonly value: string;
}

/** Who asks, and what the provider's entry in the configuration allows. */
interface HeaderContext {
  /** Whether the key has a credit limit: the cost of what it asks for must have a bound. */
  readonly isCapped: boolean;
  /** Values of `anthropic-beta` that may be sent, as `allow_betas` has them. */
  readonly allowBetas: readonly string[];
}

/**
 * Reads the headers of a caller for a provider of one type; null if there is none that concerns it. `rawHeaders` are
 * names and values in turn, as they arrived.
 */
export type CallerHeadersRule = (
  rawHeaders: readonly string[],
  context: HeaderContext,
) => PassedHeaders | RefusedHeader | null;

/**
 * The values of some headers, by their names in lower case, in the order in which they arrived; null if there is none.
 * All names begin with `prefix`, so that nearly every other header is told apart by one comparison.
 */
export function headersNamed(
  rawHeaders: readonly string[],
  prefix: string,
  names: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> | null {
  const first = prefix.charCodeAt(0);
  let found: Map<string, string[]> | null = null;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const written = rawHeaders[at] ?? '';
    // Letters differ from their capitals in one bit.
    if ((written.charCodeAt(0) | 0x20) !== first) continue;
    const name = written.toLowerCase();
    if (!name.startsWith(prefix) || !names.has(name)) continue;
    found ??= new Map();
    const values = found.get(name);
    if (values === undefined) found.set(name, [rawHeaders[at + 1] ?? '']);
    else values.push(rawHeaders[at + 1] ?? '');
  }
  return found;
}

/** A rule that passes some headers unchanged. */
export function passing(prefix: string, names: ReadonlySet<string>): CallerHeadersRule {
  return (rawHeaders) => {
    const found = headersNamed(rawHeaders, prefix, names);
    if (found === null) return null;
    return { sent: [...found].flatMap(([name, values]) => [name, values.join(', ')]), leftOut: [] };
  };
}

/** Names of headers that are about the API of a provider: a caller is told which of these were left out. */
const OF_APIS = /^(?:anthropic|openai)-/;

/**
 * A rule for a provider whose entry in the configuration sets some headers itself (`names`, in lower case). Those of
 * the caller with these names are left out. `defaults` are sent if the caller has no header for the provider.
 */
export function yielding(
  rule: CallerHeadersRule,
  names: ReadonlySet<string>,
  defaults: readonly string[],
): CallerHeadersRule {
  if (names.size === 0) return rule;
  return (rawHeaders, context) => {
    const kept: string[] = [];
    const leftOut: string[] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const [name, value] = [(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? ''];
      if (!names.has(name)) kept.push(name, value);
      else if (OF_APIS.test(name)) leftOut.push(`${name}: ${value}`);
    }
    const read = rule(kept, context);
    if (read !== null && 'value' in read) return read;
    if (read === null && leftOut.length === 0) return null;
    return {
      sent: read === null ? defaults : without(names, read.sent),
      leftOut: [...(read?.leftOut ?? []), ...leftOut],
    };
  };
}

/** Headers without those of some names. */
function without(names: ReadonlySet<string>, headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    if (!names.has(name)) kept.push(name, headers[at + 1] ?? '');
  }
  return kept;
}
