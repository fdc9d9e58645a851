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
export { AuthModule } from './auth.module.js';
export { PrincipalGuard } from './principal.guard.js';
export { SESSION_DIRECTORY, type SessionDirectory } from './session-directory.js';
export { requestOrigin, type RequestOrigin } from './request-origin.js';
export {
  cookiesNamed,
  csrfTokenFits,
  csrfTokenOf,
  endedSessionCookie,
  hasTokenForm,
  SESSION_COOKIE_NAMES,
  sessionCookie,
  sessionCookieName,
} from './session-cookie.js';
export {
  ADMIN_API_DEFAULT,
  ADMIN_API_SETTINGS,
  adminApiLimits,
  adminApiSettings,
  PUBLIC_URL_DEFAULT,
  type AdminApiLimits,
  type AdminApiSettings,
} from './admin-api-settings.js';
export { csrfTokenOfRequest } from './authorisation.js';
