import { listReply } from '@tollgate/http';
import { z } from 'zod';
import type { OrganizationEnd } from './organization-end-store.js';

const EXAMPLE = {
  object: 'organization_export',
  organization_id: '0197a000-0000-7000-8000-000000000001',
  deleted_at: '2026-11-29T08:00:00.000Z',
  exported_at: '2026-11-29T09:01:00.000Z',
  erased_at: '2026-11-29T09:01:01.000Z',
  kept: true,
} as const;

const moment = z.string().meta({ format: 'date-time' });

const organizationExport = z
  .object({
    object: z.literal('organization_export'),
    organization_id: z.string(),
    deleted_at: moment,
    exported_at: moment.nullable().describe('About an hour after the deletion.'),
    erased_at: moment.nullable().describe('When what is personal was erased.'),
    kept: z.boolean().describe('Whether the export can be fetched: for 30 days.'),
  })
  .meta({ id: 'OrganizationExport', examples: [EXAMPLE] });

/** One page of exports. */
export const organizationExportListReply = listReply('OrganizationExportList', organizationExport, EXAMPLE);
export type OrganizationExportList = Readonly<z.input<typeof organizationExportListReply>>;

export function organizationExportObject(end: OrganizationEnd): z.input<typeof organizationExport> {
  return {
    object: 'organization_export',
    organization_id: end.organizationId,
    deleted_at: end.requestedAt.toISOString(),
    exported_at: end.exportedAt?.toISOString() ?? null,
    erased_at: end.erasedAt?.toISOString() ?? null,
    kept: end.kept,
  };
}
