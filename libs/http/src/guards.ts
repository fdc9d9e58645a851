import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { bearerOf, matchesSecret, sameSecret } from './bearer.js';
import { Problem } from './problem.js';

/** Token of the admin secret, or of its `secretDigest`, for `AdminGuard`. */
export const ADMIN_SECRET = Symbol('ADMIN_SECRET');
/** Token of the secret that services show each other, for `ServiceGuard`. */
export const SERVICE_SECRET = Symbol('SERVICE_SECRET');

const CHALLENGE = { 'www-authenticate': 'Bearer realm="tollgate"' };

/**
 * Lets in who shows the admin secret as bearer; others get 401 `missing_admin_secret` or `invalid_admin_secret`.
 * Needs a provider `{provide: ADMIN_SECRET, useValue: secret}` in the controller's module.
 */
@Injectable()
export class AdminGuard implements CanActivate {
  constructor(@Inject(ADMIN_SECRET) private readonly secret: string) {}

  canActivate(context: ExecutionContext): boolean {
    const given = bearerOf(authorizationOf(context));
    if (given === null) throw new Problem('missing_admin_secret', { headers: CHALLENGE });
    if (!matchesSecret(given, this.secret)) throw new Problem('invalid_admin_secret', { headers: CHALLENGE });
    return true;
  }
}

/** Lets in other services: 401 `invalid_service_secret` for everybody else. For paths under `/internal/`. */
@Injectable()
export class ServiceGuard implements CanActivate {
  constructor(@Inject(SERVICE_SECRET) private readonly secret: string) {}

  canActivate(context: ExecutionContext): boolean {
    const given = bearerOf(authorizationOf(context));
    if (given === null || !sameSecret(given, this.secret)) throw new Problem('invalid_service_secret', { headers: CHALLENGE });
    return true;
  }
}

const authorizationOf = (context: ExecutionContext): string | undefined => context.switchToHttp().getRequest<FastifyRequest>().headers.authorization;
