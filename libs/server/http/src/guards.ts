import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { unreachable } from '@tollgate/errors';
import type { FastifyRequest } from 'fastify';
import { isAccepted, type AcceptedSecrets } from './accepted-secrets.js';
import { bearerOf } from './bearer.js';
import { clientAddressOf } from './client-address.js';
import { Problem } from './problem.js';
import { SecretChecks } from './secret-checks.js';

/** Token of the `AcceptedSecrets` that are the admin secret. */
export const ADMIN_SECRETS = Symbol('ADMIN_SECRETS');
/** Token of the `AcceptedSecrets` that services show each other, for `ServiceGuard`. */
export const SERVICE_SECRETS = Symbol('SERVICE_SECRETS');

/** Headers of a refusal for want of a bearer secret (RFC 9110, section 11.6.1). */
export const ADMIN_CHALLENGE = { 'www-authenticate': 'Bearer realm="tollgate"' };

/**
 * Lets in other services: 401 `invalid_service_secret` for everybody else, and 429 `rate_limit_exceeded` where too
 * many wrong ones came from their address. For paths under `/internal/`.
 */
@Injectable()
export class ServiceGuard implements CanActivate {
  constructor(
    @Inject(SERVICE_SECRETS) private readonly secrets: AcceptedSecrets,
    @Inject(SecretChecks) private readonly checks: SecretChecks,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    return letIn(context, this.checks, this.secrets);
  }
}

/** Which secret a request has shown: guards ask twice, by its head and at its controller, and one check is counted. */
const shown = new WeakMap<FastifyRequest, AcceptedSecrets>();

function letIn(context: ExecutionContext, checks: SecretChecks, accepted: AcceptedSecrets): boolean {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  if (shown.get(request) === accepted) return true;
  const matches = (given: string): boolean => isAccepted(given, accepted);
  const outcome = checks.check(bearerOf(request.headers.authorization), matches, clientAddressOf(request));
  switch (outcome) {
    case 'right':
      shown.set(request, accepted);
      return true;
    case 'limited':
      throw new Problem('rate_limit_exceeded', {
        detail: 'Too many wrong secrets came from this address. Wait before the next one.',
        headers: { 'retry-after': String(checks.retryAfterSeconds) },
      });
    case 'missing':
    case 'wrong':
      throw new Problem('invalid_service_secret', { headers: ADMIN_CHALLENGE });
    default:
      return unreachable(outcome);
  }
}
