import { Body, Controller, Delete, Get, Inject, Param, Put, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { unreachable } from '@tollgate/errors';
import { Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import { SEALING, type Sealing } from '@tollgate/sealing';
import { OrganizationGuard } from '../../organizations/organization.guard.js';
import { organizationPath, type OrganizationPath } from '../../organizations/organizations.request.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { issuerFault } from './issuer-url.js';
import { OidcProviderStore } from './oidc-provider-store.js';
import {
  deletedOidcProviderReply,
  oidcProviderObject,
  oidcProviderReply,
  type OidcProviderObject,
} from './oidc-provider.reply.js';
import { setOidcProviderRequest, type SetOidcProviderRequest } from './oidc.request.js';
import { sealedFor } from './oidc-provider.js';
import { ProviderClient } from './provider-client.js';

/** The OpenID provider by which the people of an organisation sign in. */
@Tag('Organisations')
@Controller('v1/organizations/:id/oidc')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class OidcProviderController {
  constructor(
    private readonly store: OidcProviderStore,
    private readonly client: ProviderClient,
    @Inject(SEALING) private readonly sealing: Sealing,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: KeyManagementSettings,
  ) {}

  @Get()
  @Operation({ id: 'getOidcProvider', summary: 'Show the identity provider' })
  @Replies(oidcProviderReply, { 200: 'The provider, without its secret.' })
  @Refuses('oidc_not_configured')
  async one(@Param({ schema: organizationPath }) { id }: OrganizationPath): Promise<OidcProviderObject> {
    const provider = await this.store.find(id);
    if (provider === null) throw new Problem('oidc_not_configured');
    return oidcProviderObject(provider, this.client.redirectUri);
  }

  @Put()
  @Operation({
    id: 'setOidcProvider',
    summary: 'Set the identity provider',
    description:
      'Members may sign in by it, invited people who have no account yet, and people of domains that the organisation has proven. `required` needs that an owner has signed in by this issuer and client before; whoever has the admin secret can switch it off. Sessions that another issuer or client has vouched for end.',
  })
  @Replies(oidcProviderReply, { 200: 'The provider, without its secret.' })
  @Refuses('conflict')
  async set(
    @Param({ schema: organizationPath }) { id }: OrganizationPath,
    @Body({ schema: setOidcProviderRequest }) body: SetOidcProviderRequest,
    @CurrentActor() actor: Actor,
  ): Promise<OidcProviderObject> {
    const fault = issuerFault(body.issuer, this.settings.oidcPrivateNetwork);
    if (fault !== null) throw new Problem('invalid_request', { errors: [{ path: 'issuer', message: fault }] });
    const secret = body.client_secret;
    const settings = {
      issuer: body.issuer,
      clientId: body.client_id,
      clientSecret: secret === undefined ? null : this.sealing.seal(secret, sealedFor(id)),
      required: body.required,
    };
    const change = await this.store.set(id, settings, actor, new Date());
    switch (change.kind) {
      case 'changed':
        return oidcProviderObject(change.provider, this.client.redirectUri);
      case 'secret_missing':
        throw new Problem('invalid_request', {
          errors: [{ path: 'client_secret', message: 'must be given for a new issuer or client' }],
        });
      case 'unproven':
        throw new Problem('conflict', {
          detail: 'An owner must sign in by this issuer and client before it can be required.',
        });
      default:
        return unreachable(change);
    }
  }

  @Delete()
  @Operation({
    id: 'deleteOidcProvider',
    summary: 'Take the identity provider away',
    description: 'Members stay; the sessions that it has vouched for end, but for the one that asks.',
  })
  @Replies(deletedOidcProviderReply, { 200: 'The provider as it was.' })
  @Refuses('oidc_not_configured')
  async delete(
    @Param({ schema: organizationPath }) { id }: OrganizationPath,
    @CurrentActor() actor: Actor,
  ): Promise<OidcProviderObject & { deleted: true }> {
    const provider = await this.store.delete(id, actor);
    if (provider === null) throw new Problem('oidc_not_configured');
    return { ...oidcProviderObject(provider, this.client.redirectUri), deleted: true };
  }
}
