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
