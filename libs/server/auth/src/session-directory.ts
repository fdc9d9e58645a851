import type { PersonPrincipal } from '@tollgate/access';

/** Finds the person behind a session's token. key-management keeps the sessions. */
export interface SessionDirectory {
  /**
   * The person of the session that `token` opens, and notes that the session was used. `token` is the cookie's value
   * as it came, of any length; stores know its digest alone.
   *
   * `organizationId` is the organisation that the request names. Where it is null the principal has the one that the
   * session used last, else the person's oldest one. Where the person is no member of the named one, or where
   * their session may not act there, `organizationId` and `role` of the principal are null, as for one that does not
   * exist. They are null too where the organisation demands its identity provider and the session began in another way;
   * `oidcRequired` says so then.
   *
   * Null if no session has the token, or if it has ended or expired.
   */
  identify(token: string, organizationId: string | null, nowMs: number): Promise<PersonPrincipal | null>;
}

/** The token of the `SessionDirectory`: the sessions themselves in key-management, nothing elsewhere. */
export const SESSION_DIRECTORY = Symbol('SESSION_DIRECTORY');
