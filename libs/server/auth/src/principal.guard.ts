import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Authorisation } from './authorisation.js';

/**
 * Finds out who asks, and lets in who may by the table of permissions. `AuthModule` has asked by the head already, and
 * the answer is the same; the guard says at a controller that its routes are protected.
 */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(@Inject(Authorisation) private readonly authorisation: Authorisation) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.authorisation.decide(context.switchToHttp().getRequest<FastifyRequest>(), null);
    return true;
  }
}
