/** Scheme and authority of a target in absolute form; a path may follow, or a query alone. */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

/**
 * The target of a request as path and query. A server must take `POST http://host/path HTTP/1.1` as well, which clients
 * send that think they talk to a proxy (RFC 9112, section 3.2.2); which host it names makes no difference here.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const authority = ABSOLUTE.exec(target);
  if (authority === null) return target;
  const rest = target.slice(authority[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The path of a target in origin form, without query and fragment. */
export function pathOfTarget(target: string): string {
  const end = target.search(/[?#]/);
  return end === -1 ? target : target.slice(0, end);
}
