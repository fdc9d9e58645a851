import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Controller, Get, Param, Query, Res, UseGuards } from '@nestjs/common';
import { PrincipalGuard } from '@tollgate/auth';
import { listOf, newestFirst, Pages, pageQuery, Problem } from '@tollgate/http';
import { Operation, Refuses, Replies, Tag } from '@tollgate/openapi';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { OrganizationEndStore } from './organization-end-store.js';
import {
  organizationExportListReply,
  organizationExportObject,
  type OrganizationExportList,
} from './organization-exports.reply.js';

const organizationId = z
  .string()
  .max(36)
  .regex(/^[0-9A-Fa-f-]{36}$/)
  .toLowerCase();
const listExportsRequest = z.strictObject(pageQuery);
const exportPath = z.object({ id: organizationId.describe('The id of the organisation that was deleted.') });
const EXPORT_PAGES = new Pages('organization_exports', newestFirst(organizationId));

/** What was known of organisations that were deleted: the operator's alone. */
@Tag('Organisation exports')
@Controller('v1/organization-exports')
@UseGuards(PrincipalGuard)
export class OrganizationExportsController {
  constructor(private readonly store: OrganizationEndStore) {}

  @Get()
  @Operation({
    id: 'listOrganizationExports',
    summary: 'List exports of deleted organisations',
    description:
      'About an hour after an organisation was deleted, all that billing knows of it is exported, and then addresses of ' +
      'its callers are erased. Sums, charges and statements stay. An export is kept for 30 days.',
  })
  @Replies(organizationExportListReply, { 200: 'One page, the newest deletion first.' })
  async list(
    @Query({ schema: listExportsRequest }) { cursor, limit }: z.output<typeof listExportsRequest>,
  ): Promise<OrganizationExportList> {
    const asked = { organizationId: null };
    const listed = await this.store.list(limit + 1, EXPORT_PAGES.positionOf(cursor, asked));
    const page = EXPORT_PAGES.page(listed, limit, asked, (end) => [end.position, end.organizationId]);
    return listOf(page, organizationExportObject);
  }

  @Get(':id')
  @Operation({
    id: 'getOrganizationExport',
    summary: 'Fetch the export of a deleted organisation',
    description: 'Lines of JSON, one for each row; each names its table.',
  })
  @Refuses('organization_export_not_found')
  @Replies(null, { 200: 'The export.' }, ['application/x-ndjson'])
  async one(
    @Param({ schema: exportPath }) { id }: z.output<typeof exportPath>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const content = await this.store.content(id);
    if (content === null) throw new Problem('organization_export_not_found');
    void reply
      .type('application/x-ndjson')
      .header('content-disposition', `attachment; filename="organization-${id}.jsonl"`)
      .send(Readable.from([content]).pipe(createGunzip()));
  }
}
