import { originForm, pathOfTarget } from '@tollgate/http';

/**
 * The normalised path of a request target in any form: without query, `//` as `/`, no slash at the end, and `%63` as
 * the letter that it encodes. `%2F` stays, since an encoded reserved character has another meaning (RFC 3986, section
 * 2.2).
 */
export function plainPath(target: string): string {
  const path = pathOfTarget(originForm(target))
    .replace(/%[0-9a-f]{2}/gi, decodeUnreserved)
    .replace(/\/{2,}/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function decodeUnreserved(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return /[\w.~-]/.test(character) ? character : encoded;
}

/** The query of a request target in any form, without the question mark. */
export function queryOf(target: string): URLSearchParams {
  const start = target.indexOf('?');
  return new URLSearchParams(start === -1 ? '' : target.slice(start + 1).replace(/#.*/s, ''));
}
