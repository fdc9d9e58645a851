import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { attachedPrincipal } from '@tollgate/auth';
import { organizationIdOf, Problem } from '@tollgate/http';
import { Refuses } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { OrganizationStore } from '../organizations/organization-store.js';
import { AuditStore } from './audit-store.js';

/**
 * Refuses a request with 404 if its organisation does not exist. The trail of one that was deleted stays, and the
 * operator may read it: nobody else belongs to it any more.
 */
@Injectable()
@Refuses('organization_not_found')
export class AuditedOrganizationGuard implements CanActivate {
  constructor(
    private readonly organizations: OrganizationStore,
    private readonly store: AuditStore,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const id = organizationIdOf(request);
    if ((await this.organizations.find(id)) !== null) return true;
    const isOperator = attachedPrincipal(request)?.kind === 'operator';
    if (isOperator && (await this.store.heads(id)).changes.count > 0) return true;
    throw new Problem('organization_not_found');
  }
}
