import { instant, isLedgerText, uuid } from '@tollgate/contracts';
import { Pages, pageQuery } from '@tollgate/http';
import { shown } from '@tollgate/openapi';
import { z } from 'zod';
import { STREAMS } from './audit-entry.js';

/** As long as the columns of an entry are at most. */
const TEXT_LENGTH_MAX = 200;
const text = (description: string) =>
  z.string().min(1).max(TEXT_LENGTH_MAX).refine(isLedgerText, 'must hold no NUL').optional().describe(description);

/** PostgreSQL has no year 0, and reads no year of five digits as JavaScript writes it. */
const storable = instant.refine((text) => !text.startsWith('0000'), 'must be in the years 0001 to 9999');

const moment = (description: string) =>
  shown(
    z.iso
      .datetime({ offset: true })
      .transform((given) => new Date(given).toISOString())
      .refine((given) => storable.safeParse(given).success, 'must be in the years 0001 to 9999')
      .optional(),
    { type: 'string', format: 'date-time', maxLength: 40, description },
  );

const trail = z
  .enum(['organization', 'installation'])
  .default('organization')
  .describe('`installation` is what concerns no organisation; for the admin secret only.');

/** The query of `GET /v1/audit-logs`. */
export const listAuditLogsRequest = z
  .strictObject({
    ...pageQuery,
    trail,
    actor: text('The id of a person or a key, or the `type` of an actor that has no id.'),
    action: text('Such as `api_key.revoked`.'),
    target_type: text('Such as `api_key`.'),
    target_id: text('The id of what was changed.'),
    request_id: text('The `x-request-id` of a reply.'),
    stream: z.enum(STREAMS).optional().describe('`changes`, which have the sign-ins too, or `refusals`.'),
    from: moment('Of this moment or later.'),
    to: moment('Before this moment.'),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
    path: ['from'],
    message: 'must not be after to',
  });
export type ListAuditLogsRequest = z.output<typeof listAuditLogsRequest>;

/** The query of `GET /v1/audit-logs/export`. */
export const exportAuditLogsRequest = z.strictObject({ trail });
export type ExportAuditLogsRequest = z.output<typeof exportAuditLogsRequest>;

/** The query of `GET /v1/audit-logs/verification`. */
export const verifyAuditLogsRequest = z.strictObject({ trail, cursor: pageQuery.cursor });
export type VerifyAuditLogsRequest = z.output<typeof verifyAuditLogsRequest>;

/** The body of `POST /v1/audit-logs/erasures`. */
export const eraseAuditTextsRequest = z
  .strictObject({
    trail,
    person_id: shown(uuid.optional(), {
      type: 'string',
      format: 'uuid',
      description: 'Erases every address and name that the trail has of this person.',
    }),
    text: z
      .string()
      .min(1)
      .max(500)
      .refine(isLedgerText, 'must hold no NUL')
      .optional()
      .describe('Erases this e-mail address, IP address or name wherever the trail has it.'),
  })
  .refine(({ person_id, text: given }) => (person_id === undefined) !== (given === undefined), {
    path: ['person_id'],
    message: 'must be given without text, or text without it',
  })
  .meta({ id: 'EraseAuditTexts', examples: [{ person_id: '5c1d0b1e-2f3a-4f77-9c55-0123456789ab' }] });
export type EraseAuditTextsRequest = z.output<typeof eraseAuditTextsRequest>;

const sequence = z.string().regex(/^[1-9]\d{0,14}$/);

/** The list of entries in pages, newest first. */
export const AUDIT_PAGES = new Pages('audit_logs', z.tuple([storable, z.enum(STREAMS), sequence]));

/** How far a verification has come, from call to call: 0 where the second chain is still to come. */
export const VERIFICATION_PAGES = new Pages(
  'audit_verification',
  z.tuple([z.enum(STREAMS), z.string().regex(/^(0|[1-9]\d{0,14})$/), z.string().regex(/^[0-9a-f]{64}$/)]),
);
