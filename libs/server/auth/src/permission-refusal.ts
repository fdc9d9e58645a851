import type { PermissionDecision } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import { ADMIN_CHALLENGE, Problem } from '@tollgate/http';

/**
 * The refusal that a caller reads. `named` says whether the request names an organisation: one that the caller does not
 * belong to is answered like one that does not exist.
 */
export function permissionRefusal(
  decision: Exclude<PermissionDecision, { readonly kind: 'allowed' }>,
  named: boolean,
): Problem {
  const denied = (detail: string): Problem => new Problem('access_denied', { detail });
  switch (decision.reason) {
    case 'nobody':
      return new Problem('missing_credential', { headers: ADMIN_CHALLENGE });
    case 'operator_only':
      return denied('Only the admin secret may do this.');
    case 'person_only':
      return denied('Only a person may do this, by a session: sign in.');
    case 'key_only':
      return denied('Only an API key may ask this, about itself: send it as bearer.');
    case 'project_key_only':
      return denied('Only a project key may ask this: send "Authorization: Basic" with its public key and its secret.');
    case 'no_key':
      return denied(`No API key may do this: it takes a session of a person with the role ${decision.role} or above.`);
    case 'scope':
      return denied(`The API key needs the scope ${decision.scopes.join(' or ')} for this.`);
    case 'role':
      return denied(`The role ${decision.role} or above is needed for this.`);
    case 'no_organization':
      return named ? new Problem('organization_not_found') : denied('You belong to no organisation.');
    case 'oidc_required':
      return new Problem('oidc_required');
    case 'step_up':
      return new Problem('step_up_required');
    default:
      return unreachable(decision);
  }
}
