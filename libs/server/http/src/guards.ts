import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { unreachable, type ErrorCode } from '@tollgate/errors';
import { Admits } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { bearerOf, matchesSecret, sameSecret } from './bearer.js';
import { clientAddressOf } from './client-address.js';
import { Problem } from './problem.js';
import { SecretChecks, type SecretKind } from './secret-checks.js';

/** Token of the admin secret, or of its `secretDigest`, for `AdminGuard`. */
export const ADMIN_SECRET = Symbol('ADMIN_SECRET');
/** Token of the secret that services show each other, for `ServiceGuard`. */
export const SERVICE_SECRET = Symbol('SERVICE_SECRET');

/** Headers of a refusal for want of a bearer secret (RFC 9110, section 11.6.1). */
export const ADMIN_CHALLENGE = { 'www-authenticate': 'Bearer realm="tollgate"' };

/**
 * Lets in who shows the admin secret as bearer; others get 401 `missing_admin_secret` or `invalid_admin_secret`, and
 * 429 `rate_limit_exceeded` where too many wrong ones came from their address. Needs `ADMIN_SECRET`
 * among the ports of the process.
 */
@Injectable()
@Admits('adminSecret', 'missing_admin_secret', 'invalid_admin_secret', 'rate_limit_exceeded')
export class AdminGuard implements CanActivate {
  constructor(
    @Inject(ADMIN_SECRET) private readonly secret: string,
    @Inject(SecretChecks) private readonly checks: SecretChecks,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const refusals = { missing: 'missing_admin_secret', wrong: 'invalid_admin_secret' } as const;
    return letIn('admin', context, this.checks, this.secret, (given) => matchesSecret(given, this.secret), refusals);
  }
}

/**
 * Lets in other services: 401 `invalid_service_secret` for everybody else, and 429 as above. For paths under
 * `/internal/`.
 */
@Injectable()
export class ServiceGuard implements CanActivate {
  constructor(
    @Inject(SERVICE_SECRET) private readonly secret: string,
    @Inject(SecretChecks) private readonly checks: SecretChecks,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const refusals = { missing: 'invalid_service_secret', wrong: 'invalid_service_secret' } as const;
    return letIn('service', context, this.checks, this.secret, (given) => sameSecret(given, this.secret), refusals);
  }
}

/** Which secret a request has shown: guards ask twice, by its head and at its controller, and one check is counted. */
const shown = new WeakMap<FastifyRequest, string>();

function letIn(
  secret: SecretKind,
  context: ExecutionContext,
  checks: SecretChecks,
  kept: string,
  matches: (given: string) => boolean,
  refusals: { readonly missing: ErrorCode; readonly wrong: ErrorCode },
): boolean {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  if (shown.get(request) === `${secret} ${kept}`) return true;
  const outcome = checks.check(secret, bearerOf(request.headers.authorization), matches, clientAddressOf(request));
  switch (outcome) {
    case 'right':
      shown.set(request, `${secret} ${kept}`);
      return true;
    case 'limited':
      throw new Problem('rate_limit_exceeded', {
        detail: 'Too many wrong secrets came from this address. Wait before the next one.',
        headers: { 'retry-after': String(checks.retryAfterSeconds) },
      });
    case 'missing':
    case 'wrong':
      throw new Problem(refusals[outcome], { headers: ADMIN_CHALLENGE });
    default:
      return unreachable(outcome);
  }
}
