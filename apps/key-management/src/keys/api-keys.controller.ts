import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { uuid } from '@tollgate/contracts';
import { AdminGuard, clientAddressOf, OrganizationId, parseBody, parseQuery, Problem } from '@tollgate/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { keyObject, type KeyObject } from './api-key/key-object.js';
import type { Actor } from './api-key/key-change.js';
import { CreateKey } from './create-key/create-key.js';
import { createKeyRequest } from './create-key/create-key.request.js';
import { KeySpendingLookup } from './list-keys/key-spending.js';
import { ListKeys, type KeyList } from './list-keys/list-keys.js';
import { listKeysRequest } from './list-keys/list-keys.request.js';
import { KeyMeter } from '../metrics.js';
import { OrganizationGuard } from '../organizations/organization.guard.js';
import { RevokeKey } from './revoke-key/revoke-key.js';

const NOTHING_SPENT = { chargedNanoUsd: '0', lastUsedAt: null };

/**
 * The admin API of the keys of one organisation, which `x-organization-id` names. Whoever shows the admin secret acts
 * as `admin`.
 */
@Controller('v1/api-keys')
@UseGuards(AdminGuard, OrganizationGuard)
export class ApiKeysController {
  constructor(
    private readonly createKey: CreateKey,
    private readonly listKeys: ListKeys,
    private readonly revokeKey: RevokeKey,
    private readonly spending: KeySpendingLookup,
    private readonly meter: KeyMeter,
  ) {}

  /** 201 with the secret, which no later reply shows (and no cache keeps: the server marks every reply no-store). */
  @Post()
  async create(
    @OrganizationId() organizationId: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<KeyObject & { secret: string }> {
    const now = new Date();
    const settings = parseBody(createKeyRequest(now), body);
    const { key, secret } = await this.createKey.execute(organizationId, settings, actorOf(request), now);
    return { ...keyObject(key, NOTHING_SPENT, now), secret: secret.reveal() };
  }

  @Get()
  async list(@OrganizationId() organizationId: string, @Query() query: unknown): Promise<KeyList> {
    const { limit, after } = parseQuery(listKeysRequest, query);
    return this.listKeys.page(organizationId, limit, after ?? null, new Date());
  }

  @Get(':id')
  async one(@OrganizationId() organizationId: string, @Param('id') idAsWritten: string): Promise<KeyObject> {
    const key = await this.listKeys.one(organizationId, idOf(idAsWritten), new Date());
    if (key === null) throw new Problem('api_key_not_found');
    return key;
  }

  /** Hidden from now on. 200 when every gateway can know, 202 when that took more than 2 s and is still being tried. */
  @Delete(':id')
  async delete(
    @OrganizationId() organizationId: string,
    @Param('id') idAsWritten: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject & { deleted: true }> {
    return { ...(await this.end(organizationId, idOf(idAsWritten), 'deleted', request, reply)), deleted: true };
  }

  /** Kept in sight as `revoked`. 200 and 202 as for `DELETE`. */
  @Post(':id/revoke')
  @HttpCode(200)
  async revoke(
    @OrganizationId() organizationId: string,
    @Param('id') idAsWritten: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<KeyObject> {
    return this.end(organizationId, idOf(idAsWritten), 'revoked', request, reply);
  }

  private async end(
    organizationId: string,
    id: string,
    reason: 'revoked' | 'deleted',
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<KeyObject> {
    const [now, begun] = [new Date(), performance.now()];
    const [result, spending] = await Promise.all([
      this.revokeKey.execute(organizationId, id, reason, actorOf(request), now),
      this.spending.of(organizationId, [id]),
    ]);
    if (result.kind === 'not_found') throw new Problem('api_key_not_found');
    this.meter.revokeAnswered(result.everywhere, (performance.now() - begun) / 1_000);
    if (!result.everywhere) void reply.code(202);
    return keyObject(result.key, spending.get(id) ?? null, now);
  }
}

/**
 * The id that a path names.
 * @throws {Problem} `api_key_not_found` where it can be nobody's
 */
function idOf(idAsWritten: string): string {
  const id = uuid.safeParse(idAsWritten);
  if (!id.success) throw new Problem('api_key_not_found');
  return id.data;
}

const actorOf = (request: FastifyRequest): Actor => ({ name: 'admin', fromAddress: clientAddressOf(request) });
