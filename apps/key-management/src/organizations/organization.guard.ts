import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { organizationIdOf, Problem } from '@tollgate/http';
import { Refuses } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { OrganizationStore } from './organization-store.js';

/** Refuses a request with 404 if its organisation does not exist. Put it after the guard that checks the credential. */
@Injectable()
@Refuses('organization_not_found')
export class OrganizationGuard implements CanActivate {
  constructor(private readonly store: OrganizationStore) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const id = organizationIdOf(context.switchToHttp().getRequest<FastifyRequest>());
    if ((await this.store.find(id)) === null) throw new Problem('organization_not_found');
    return true;
  }
}
