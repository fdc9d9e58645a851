import { uuid } from '@tollgate/contracts';
import { newestFirst, pageQuery, Pages, usdAmount } from '@tollgate/http';
import { pathSchema } from '@tollgate/openapi';
import { z } from 'zod';
import { namedOrganizationId } from '../terms/organization-billing.request.js';

const DESCRIPTION_LENGTH_MAX = 500;

/** The body of `POST /v1/credit-grants`. */
export const createCreditGrantRequest = z
  .strictObject({
    organization_id: namedOrganizationId,
    amount_usd: usdAmount(1n, 'What is given. A decimal string is taken exactly.'),
    expires_at: z.iso
      .datetime({ offset: true })
      .nullable()
      .default(null)
      .describe('When what is left of it lapses: a moment in the future. Null is never.'),
    description: z
      .string()
      .max(DESCRIPTION_LENGTH_MAX)
      .regex(/^(\P{Surrogate})*$/u, 'must be well-formed Unicode text')
      .regex(/^[^\u0000]*$/u, 'must have no NUL characters')
      .nullable()
      .default(null)
      .describe('What it is for, as the organisation sees it.'),
  })
  .meta({
    id: 'CreateCreditGrant',
    examples: [
      { organization_id: 'default', amount_usd: '100' },
      {
        organization_id: '7d0f0b1e-2f3a-4f77-9c55-0123456789ab',
        amount_usd: '25.5',
        expires_at: '2027-01-01T00:00:00Z',
        description: 'To try it out',
      },
    ],
  });
export type CreateCreditGrantRequest = z.output<typeof createCreditGrantRequest>;

/** The query of `GET /v1/credit-grants`. */
export const listCreditGrantsRequest = z.strictObject({
  ...pageQuery,
  organization_id: namedOrganizationId.optional().describe('Whose grants; the same as by `x-organization-id`.'),
});
export type ListCreditGrantsRequest = z.output<typeof listCreditGrantsRequest>;

/** The grant that a path names; a malformed id names none. */
export const creditGrantPath = pathSchema(
  'credit_grant_not_found',
  z.object({ id: uuid.describe('The `id` of a grant, in any case.') }),
);
export type CreditGrantPath = z.output<typeof creditGrantPath>;

/** The list of grants in pages, newest first. */
export const CREDIT_GRANT_PAGES = new Pages('credit_grants', newestFirst(z.uuid()));
