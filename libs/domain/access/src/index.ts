export { creditRefusal } from './credit-refusal.js';
export {
  checkAddress,
  checkBrowser,
  checkRoute,
  checkScope,
  decideAccess,
  isAccessRefused,
  isOpenToAll,
  reachableTargets,
  type AccessDecision,
  type AccessRefused,
  type AccessRequest,
  type RouteAccess,
} from './decide-access.js';
export { type ClosedBy, type RouteOpenTo } from './closed-models.js';
export { openedRoutes } from './opened-routes.js';
export {
  ACCESS_RULES,
  explainAccess,
  type AccessRule,
  type AccessStop,
  type ExplainedAccess,
  type SupposedUse,
} from './explain-access.js';
export { INFERENCE_ENDPOINTS, inferenceEndpoint, type InferenceEndpoint } from './inference-endpoints.js';
export { endOf, endsAtMsOf, secretHasEnded, type KeyEnd } from './key-end.js';
export { isModelName } from './model-name.js';
export { accessRefusalText, isAboutModel } from './refusal-text.js';
export { patternsOverlap } from './patterns-overlap.js';
export { compileKeyAccess, compileModelList, type KeyAccess } from './key-access.js';
export { compileRoutes, compileRouting, targetModel } from './routing.js';
export { compileNames, hasWildcard, matchesWildcard } from './wildcard.js';
export { PERMISSIONS, type AdminOperation, type OrganizationPermission, type Permission } from './permissions.js';
export {
  principalName,
  type ApiKeyPrincipal,
  type OperatorPrincipal,
  type PersonPrincipal,
  type Principal,
} from './principal.js';
export { isAtLeast, ROLES, type Role } from './role.js';
export { ADMIN_API_SCOPES, decidePermission, STEP_UP_MS, type PermissionDecision } from './decide-permission.js';
export {
  grantableScopes,
  mayChangeMember,
  mayGrantRole,
  roleMayGrant,
  mayGrantScopes,
  roleOf,
  scopesAbove,
} from './may-grant.js';
export { grantFaults, type GrantFault, type KeyGiver, type KeyReach } from './grant-key.js';
