import type { IncomingHttpHeaders } from 'node:http';

/**
 * What the headers say about the page that caused a request: `own` for one of ours, `foreign` for any other, and
 * `unsaid` where the client sent neither `Origin` nor `Sec-Fetch-Site`, as programs do.
 */
export type RequestOrigin = 'own' | 'foreign' | 'unsaid';

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Compares the origin of a request with our public one. Each header that was sent must fit. Of `Sec-Fetch-Site` only
 * `same-origin` does: `same-site` is a sibling domain. `Origin: null` is a page that hides where it is from. The names
 * of loopback are one origin, on one port.
 */
export function requestOrigin(
  headers: Pick<IncomingHttpHeaders, 'origin' | 'sec-fetch-site'>,
  publicUrl: string,
): RequestOrigin {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin !== undefined && !isSameOrigin(origin, publicUrl)) return 'foreign';
  if (site !== undefined && site !== 'same-origin') return 'foreign';
  return origin === undefined && site === undefined ? 'unsaid' : 'own';
}

/** Whether a text that claims to be an origin is that of a URL. An origin has nothing behind its port. */
function isSameOrigin(origin: string, publicUrl: string): boolean {
  if (!URL.canParse(origin)) return false;
  const [theirs, ours] = [new URL(origin), new URL(publicUrl)];
  if (theirs.origin !== origin.toLowerCase() || theirs.origin === 'null') return false;
  if (theirs.origin === ours.origin) return true;
  return (
    LOOPBACK.test(theirs.hostname) &&
    LOOPBACK.test(ours.hostname) &&
    theirs.protocol === ours.protocol &&
    theirs.port === ours.port
  );
}
