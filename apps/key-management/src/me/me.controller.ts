import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import {
  decidePermission,
  grantableScopes,
  PERMISSIONS,
  roleOf,
  STEP_UP_MS,
  type AdminOperation,
  type Permission,
  type Principal,
} from '@tollgate/access';
import { csrfTokenOfRequest, CurrentPrincipal, PrincipalGuard } from '@tollgate/auth';
import { NamesOrganization } from '@tollgate/http';
import { Operation, Replies, Tag } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { DescribePerson } from './describe-person.js';
import { meReply, type MeObject } from './me.reply.js';

/** Who asks. */
@Tag('Sessions')
@Controller('v1/me')
@UseGuards(PrincipalGuard)
export class MeController {
  constructor(private readonly describePerson: DescribePerson) {}

  @Get()
  @Operation({
    id: 'getMe',
    summary: 'Show who asks',
    description: 'The credential of this request, the organisation that it is about, and what it opens there.',
  })
  @Replies(meReply, { 200: 'Who asks.' })
  async me(
    @CurrentPrincipal() principal: Principal,
    @NamesOrganization() _named: void,
    @Req() request: FastifyRequest,
  ): Promise<MeObject> {
    const isPerson = principal.kind === 'person';
    return {
      object: 'me',
      kind: principal.kind,
      organization_id: principal.organizationId,
      role: roleOf(principal),
      scopes: grantableScopes(principal),
      operations: operationsOf(principal, Date.now()),
      proven_until: isPerson ? new Date(principal.provenAtMs + STEP_UP_MS).toISOString() : null,
      csrf_token: isPerson ? csrfTokenOfRequest(request) : null,
      api_key_id: principal.kind === 'api_key' ? principal.apiKeyId : null,
      person: isPerson ? await this.describePerson.execute(principal) : null,
    };
  }
}

/** What is open to a principal, at once or after a step-up. */
function operationsOf(principal: Principal, nowMs: number): AdminOperation[] {
  return (Object.entries(PERMISSIONS) as [AdminOperation, Permission][]).flatMap(([operation, permission]) => {
    const decision = decidePermission(principal, permission, nowMs);
    return decision.kind === 'allowed' || decision.reason === 'step_up' ? [operation] : [];
  });
}
