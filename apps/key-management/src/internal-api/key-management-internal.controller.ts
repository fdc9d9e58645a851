import { Body, Controller, HttpCode, Inject, Post, UseGuards } from '@nestjs/common';
import {
  addDigestsRequest,
  createSubscriptionKeyRequest,
  identifyPrincipalRequest,
  KEY_MANAGEMENT_API,
  REFUSED_CALLS_MAX,
  knownKeysRequest,
  contactsRequest,
  knownOwnersRequest,
  type importedKeysReply,
  recordRefusedCallsRequest,
  revokeLeakedKeysRequest,
  takeOrganizationTermsRequest,
  takeSubscriptionTermsRequest,
  verifyKeyRequest,
  type KeyManagementApi,
} from '@tollgate/contracts';
import { ServiceGuard } from '@tollgate/http';
import type { z } from 'zod';
import { PresentPepperGuard, SamePepperGuard } from './same-pepper.guard.js';

/** `KeyManagementApi` over HTTP, for the other services. */
@Controller('internal')
@UseGuards(ServiceGuard, SamePepperGuard)
export class KeyManagementInternalController {
  constructor(@Inject(KEY_MANAGEMENT_API) private readonly api: KeyManagementApi) {}

  @Post('keys/verify')
  @HttpCode(200)
  async verify(
    @Body({ schema: verifyKeyRequest }) { digest, newDigest, furtherDigests = [] }: z.output<typeof verifyKeyRequest>,
  ): Promise<object> {
    return newDigest === undefined
      ? this.api.verifyKey(digest, null, furtherDigests)
      : this.api.verifyKey(newDigest, digest, furtherDigests);
  }

  @Post('keys/digests')
  @HttpCode(204)
  @UseGuards(PresentPepperGuard)
  async addDigests(
    @Body({ schema: addDigestsRequest }) { digests }: z.output<typeof addDigestsRequest>,
  ): Promise<void> {
    await this.api.addDigests(digests);
  }

  @Post('imports/known')
  @HttpCode(200)
  async imports(): Promise<z.input<typeof importedKeysReply>> {
    return { importedKeys: await this.api.mayHaveImportedKeys() };
  }

  @Post('keys/known')
  @HttpCode(200)
  async known(
    @Body({ schema: knownKeysRequest }) { organizationId, apiKeyIds }: z.output<typeof knownKeysRequest>,
  ): Promise<object> {
    return { apiKeyIds: await this.api.knownKeys(organizationId, apiKeyIds) };
  }

  @Post('owners/known')
  @HttpCode(200)
  async knownOwners(
    @Body({ schema: knownOwnersRequest }) request: z.output<typeof knownOwnersRequest>,
  ): Promise<object> {
    return this.api.knownOwners(request);
  }

  @Post('organizations/contacts')
  @HttpCode(200)
  async contacts(@Body({ schema: contactsRequest }) request: z.output<typeof contactsRequest>): Promise<object> {
    return this.api.contacts(request);
  }

  @Post('principals/identify')
  @HttpCode(200)
  async identify(
    @Body({ schema: identifyPrincipalRequest }) request: z.output<typeof identifyPrincipalRequest>,
  ): Promise<object> {
    return this.api.identifyPrincipal(request);
  }

  @Post('leaked-keys/revoke')
  @HttpCode(200)
  async revokeLeaked(
    @Body({ schema: revokeLeakedKeysRequest }) request: z.output<typeof revokeLeakedKeysRequest>,
  ): Promise<object> {
    return { items: await this.api.revokeLeakedKeys(request) };
  }

  @Post('subscription-keys')
  @HttpCode(200)
  async createSubscriptionKey(
    @Body({ schema: createSubscriptionKeyRequest }) request: z.output<typeof createSubscriptionKeyRequest>,
  ): Promise<object> {
    return this.api.createSubscriptionKey(request);
  }

  @Post('organizations/terms')
  @HttpCode(200)
  async takeOrganizationTerms(
    @Body({ schema: takeOrganizationTermsRequest }) terms: z.output<typeof takeOrganizationTermsRequest>,
  ): Promise<object> {
    return this.api.takeOrganizationTerms(terms);
  }

  @Post('subscriptions/terms')
  @HttpCode(200)
  async takeSubscriptionTerms(
    @Body({ schema: takeSubscriptionTermsRequest }) terms: z.output<typeof takeSubscriptionTermsRequest>,
  ): Promise<object> {
    return this.api.takeSubscriptionTerms(terms);
  }

  /** Replies with nothing: the caller goes on whatever becomes of it. */
  @Post('audit/refusals')
  @HttpCode(204)
  async recordRefused(
    @Body({ schema: recordRefusedCallsRequest }) { calls }: z.output<typeof recordRefusedCallsRequest>,
  ): Promise<void> {
    await this.api.recordRefusedCalls(calls.slice(0, REFUSED_CALLS_MAX));
  }
}
