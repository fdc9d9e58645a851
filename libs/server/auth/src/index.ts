export {
  actorOf,
  attachedPrincipal,
  attachPrincipal,
  CurrentActor,
  CurrentPrincipal,
  NOBODY,
  principalOf,
  type Actor,
} from './actor.js';
export { PrincipalGuard } from './principal.guard.js';
export { SESSION_DIRECTORY, type SessionDirectory } from './session-directory.js';
