import type { PersonPrincipal, Principal } from '@tollgate/access';
import { Problem } from '@tollgate/http';

/**
 * The person whose session asks. The table of permissions lets nobody else in to a route of the kind `person`.
 * @throws {Problem} `access_denied` for another principal
 */
export function personOf(principal: Principal): PersonPrincipal {
  if (principal.kind !== 'person') throw new Problem('access_denied');
  return principal;
}
