import { Body, Controller, HttpCode, Inject, Post, UseGuards } from '@nestjs/common';
import {
  KEY_MANAGEMENT_API,
  knownKeysRequest,
  revokeLeakedKeysRequest,
  verifyKeyRequest,
  type KeyManagementApi,
} from '@tollgate/contracts';
import { parseBody, ServiceGuard } from '@tollgate/http';
import { SamePepperGuard } from './same-pepper.guard.js';

/** `KeyManagementApi` over HTTP, for the other services. */
@Controller('internal')
@UseGuards(ServiceGuard, SamePepperGuard)
export class KeyManagementInternalController {
  constructor(@Inject(KEY_MANAGEMENT_API) private readonly api: KeyManagementApi) {}

  @Post('keys/verify')
  @HttpCode(200)
  async verify(@Body() body: unknown): Promise<object> {
    return this.api.verifyKey(parseBody(verifyKeyRequest, body).digest);
  }

  @Post('keys/known')
  @HttpCode(200)
  async known(@Body() body: unknown): Promise<object> {
    const { organizationId, apiKeyIds } = parseBody(knownKeysRequest, body);
    return { apiKeyIds: await this.api.knownKeys(organizationId, apiKeyIds) };
  }

  @Post('leaked-keys/revoke')
  @HttpCode(200)
  async revokeLeaked(@Body() body: unknown): Promise<object> {
    return { items: await this.api.revokeLeakedKeys(parseBody(revokeLeakedKeysRequest, body)) };
  }
}
