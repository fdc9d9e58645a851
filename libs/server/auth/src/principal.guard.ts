import { Injectable, type ExecutionContext } from '@nestjs/common';
import { AdminGuard, organizationIdOf } from '@tollgate/http';
import type { FastifyRequest } from 'fastify';
import { attachPrincipal } from './actor.js';

/** Finds out who asks, and lets in who may. */
@Injectable()
export class PrincipalGuard extends AdminGuard {
  override canActivate(context: ExecutionContext): boolean {
    if (!super.canActivate(context)) return false;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    attachPrincipal(request, { kind: 'operator', organizationId: organizationIdOf(request) });
    return true;
  }
}
