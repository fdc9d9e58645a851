import { Body, Controller, Delete, Get, Param, Post, Res, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { unreachable } from '@tollgate/errors';
import { Idempotent, Problem, type IdempotentRequest, type SerializedReply } from '@tollgate/http';
import { Idempotency } from '@tollgate/idempotency';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { OrganizationGuard } from '../organization.guard.js';
import { organizationPath, type OrganizationPath } from '../organizations.request.js';
import {
  deletedDomainReply,
  domainListReply,
  domainObject,
  domainReply,
  type DomainList,
  type DomainObject,
} from './domain.reply.js';
import { DomainStore } from './domain-store.js';
import { DOMAINS_MAX, newDomain } from './domain.js';
import { createDomainRequest, domainPath, type CreateDomainRequest, type DomainPath } from './domains.request.js';
import { DnsUnavailable } from './txt-look-up.js';
import { VerifyDomain } from './verify-domain.js';

/** Domains of mail addresses that an organisation proves to be its own. */
@Tag('Organisations')
@Controller('v1/organizations/:id/domains')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class DomainsController {
  constructor(
    private readonly store: DomainStore,
    private readonly verifyDomain: VerifyDomain,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Operation({
    id: 'createDomain',
    summary: 'Claim a domain',
    description:
      'The reply has the DNS record that proves it. Once it is proven, people with verified addresses of the domain may sign in by the identity provider of the organisation without an invitation.',
  })
  @Replies(domainReply, { 201: 'The domain with the record to set.' })
  @Refuses('conflict')
  async create(
    @Param({ schema: organizationPath }) { id }: OrganizationPath,
    @Body({ schema: createDomainRequest }) { domain: name }: CreateDomainRequest,
    @CurrentActor() actor: Actor,
    @Idempotent() request: IdempotentRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DomainObject | SerializedReply> {
    return this.idempotency.answer(request, id, reply, async (manager) => {
      const domain = newDomain(id, name, new Date());
      const outcome = await this.store.insert(manager, domain, actor);
      switch (outcome) {
        case 'inserted':
          return { body: domainObject(domain) };
        case 'exists':
          throw new Problem('conflict', { detail: 'The organisation has claimed this domain already.' });
        case 'too_many':
          throw new Problem('conflict', { detail: `An organisation has at most ${DOMAINS_MAX} domains.` });
        default:
          return unreachable(outcome);
      }
    });
  }

  @Get()
  @Operation({ id: 'listDomains', summary: 'List domains', description: 'The oldest first; there are at most 100.' })
  @Replies(domainListReply, { 200: 'The domains.' })
  async list(@Param({ schema: organizationPath }) { id }: OrganizationPath): Promise<DomainList> {
    const domains = await this.store.list(id);
    return { object: 'list', data: domains.map(domainObject), has_more: false, next_cursor: null };
  }

  @Post(':domain_id/verify')
  @Operation({
    id: 'verifyDomain',
    summary: 'Look for the record of a domain',
    description:
      'Proves the domain if its TXT record is there. A domain whose record is gone is proven no more. One organisation at a time has a domain proven: another one gets it when the record of the former is gone.',
  })
  @Replies(domainReply, { 200: 'The domain is proven.' })
  @Refuses('domain_not_proven', 'conflict', 'dns_unavailable')
  async verify(
    @Param({ schema: domainPath }) { id, domain_id }: DomainPath,
    @CurrentActor() actor: Actor,
  ): Promise<DomainObject> {
    const result = await this.verifyDomain.execute(id, domain_id, actor, new Date()).catch((error: unknown) => {
      if (error instanceof DnsUnavailable)
        throw new Problem('dns_unavailable', { cause: error, headers: { 'retry-after': '5' } });
      throw error;
    });
    switch (result.kind) {
      case 'proven':
        return domainObject(result.domain);
      case 'unproven':
        throw new Problem('domain_not_proven');
      case 'taken':
        throw new Problem('conflict', {
          detail: 'Another organisation has proven this domain, and its record is still there.',
        });
      case 'not_found':
        throw new Problem('domain_not_found');
      default:
        return unreachable(result);
    }
  }

  @Delete(':domain_id')
  @Operation({
    id: 'deleteDomain',
    summary: 'Give up a domain',
    description: 'Members who came by it stay; nobody else comes by it.',
  })
  @Replies(deletedDomainReply, { 200: 'The domain is given up.' })
  async delete(
    @Param({ schema: domainPath }) { id, domain_id }: DomainPath,
    @CurrentActor() actor: Actor,
  ): Promise<DomainObject & { deleted: true }> {
    const domain = await this.store.delete(id, domain_id, actor);
    if (domain === null) throw new Problem('domain_not_found');
    return { ...domainObject(domain), deleted: true };
  }
}
