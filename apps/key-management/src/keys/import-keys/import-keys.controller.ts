import { Readable } from 'node:stream';
import { Body, Controller, Post, Query, Req, UseGuards } from '@nestjs/common';
import { CurrentActor, PrincipalGuard, type Actor } from '@tollgate/auth';
import { boundedBytes, LINES_MEDIA_TYPE, OrganizationId, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag, TakesLines } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { OrganizationGuard } from '../../organizations/organization.guard.js';
import { ImportKeys } from './import-keys.js';
import { importKeysReply, type ImportKeysObject } from './import-keys.reply.js';
import { IMPORTED_KEYS_MAX, importKeysQuery, importLine, type ImportKeysQuery } from './import-keys.request.js';

/** Keys that another product has made, by the SHA-256 of their secrets: their clients go on with what they have. */
@Tag('API keys')
@Controller('v1/api-keys/import')
@UseGuards(PrincipalGuard, OrganizationGuard)
export class ImportKeysController {
  constructor(private readonly importKeys: ImportKeys) {}

  /** The body is read as it comes, by this handler alone. */
  @Post()
  @Operation({
    id: 'importApiKeys',
    summary: 'Import keys of another product',
    description:
      `One key on each line, up to ${IMPORTED_KEYS_MAX}, by the SHA-256 of its secret. With \`mode=all\` no key is ` +
      'there before all are, and a line that is wrong leaves all of them out: the answer is 400, and names the lines ' +
      'without repeating anything of them. Without it nothing changes, and the reply says what would happen.',
  })
  @TakesLines(importLine)
  @Refuses('access_denied', 'body_too_large', 'unsupported_media_type')
  @Replies(importKeysReply, { 200: 'What has been imported, or would be.' })
  async import(
    @OrganizationId() organizationId: string,
    @Query({ schema: importKeysQuery }) { mode }: ImportKeysQuery,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @CurrentActor() actor: Actor,
  ): Promise<ImportKeysObject> {
    if (body === undefined || body === null) throw new Problem('invalid_request', { detail: 'The body has no line.' });
    if (!(body instanceof Readable))
      throw new Problem('unsupported_media_type', {
        detail: `The body must be of the media type ${LINES_MEDIA_TYPE}.`,
      });
    const bytes = boundedBytes(body, request.routeOptions.bodyLimit);
    return this.importKeys.execute(organizationId, mode, bytes, actor, new Date());
  }
}
