/** Longer ones are refused. */
export const CALLBACK_LENGTH_MAX = 1_000;

/** Where an app wants its person back: read once, and only what was read is ever shown or led to. */
export interface Callback {
  /** The whole address as the URL standard writes it. */
  readonly url: string;
  /** Scheme, host and port, the host in ASCII: what a person can compare with the address they came from. */
  readonly origin: string;
  /** Host and port. */
  readonly host: string;
}

/** A callback, or what it must be. */
export type CallbackResult =
  { readonly kind: 'valid'; readonly callback: Callback } | { readonly kind: 'invalid'; readonly message: string };

/** Apps on a person's own machine listen on loopback, on a port of chance, without a certificate (RFC 8252, §7.3). */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** What the URL standard drops or takes for something else: controls and white space, and `\` for `/`. */
const MISREAD = /[\p{Cc}\p{Cf}\p{Cs}\p{Z}\\]/u;
/** The authority as it stands there. With more or fewer slashes the standard finds a host in another place. */
const AUTHORITY = /^https?:\/\/([^/?#]+)/i;
/** What we add to the callback ourselves: two of a name, and an app may read the wrong one. */
const OURS = ['code', 'error', 'error_description'];

/**
 * Reads a callback: https to any host, http to loopback alone. What programs read in two ways is refused instead of
 * guessed at. Its query is kept as it is: apps keep their state there.
 */
export function readCallback(text: string): CallbackResult {
  if (text.length > CALLBACK_LENGTH_MAX) return invalid(`must have at most ${CALLBACK_LENGTH_MAX} characters`);
  if (MISREAD.test(text)) return invalid('must have no spaces, control characters or backslashes');
  const authority = AUTHORITY.exec(text)?.[1];
  if (authority === undefined || !URL.canParse(text)) return invalid('must be an https URL, or http to localhost');
  const url = new URL(text);
  if (authority.includes('@') || url.username !== '' || url.password !== '')
    return invalid('must have no user or password');
  if (text.includes('#')) return invalid('must have no fragment');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.has(url.hostname)))
    return invalid('must be an https URL; http is only for localhost, 127.0.0.1 and [::1]');
  const taken = OURS.find((name) => url.searchParams.has(name));
  if (taken !== undefined) return invalid(`must have no ${taken} in its query, which is added to it`);
  return { kind: 'valid', callback: { url: url.href, origin: url.origin, host: url.host } };
}

const invalid = (message: string): CallbackResult => ({ kind: 'invalid', message });

/**
 * A callback with one more parameter behind its own query, which keeps its bytes: to write it anew would change how an
 * app has encoded its state.
 */
export function withParameter({ url }: Pick<Callback, 'url'>, name: string, value: string): string {
  const separator = !url.includes('?') ? '?' : /[?&]$/.test(url) ? '' : '&';
  return `${url}${separator}${name}=${encodeURIComponent(value)}`;
}
