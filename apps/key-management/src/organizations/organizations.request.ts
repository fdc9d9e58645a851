import { readOrganizationId } from '@tollgate/contracts';
import { creditLimitRaise, newestFirst, Pages } from '@tollgate/http';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { creditLimit, name } from '../keys/create-key/key-fields.js';

/** The body of `POST /v1/organizations`. */
export const createOrganizationRequest = z
  .strictObject({ name: name.describe('One line with at least one visible character.') })
  .meta({ id: 'CreateOrganization', examples: [{ name: 'Acme' }] });
export type CreateOrganizationRequest = z.output<typeof createOrganizationRequest>;

/** The body of `PATCH /v1/organizations/{id}`. A field that is left out stays as it is. */
export const updateOrganizationRequest = z
  .strictObject({
    name: name.optional().describe('One line with at least one visible character.'),
    credit_limit_usd: creditLimit
      .optional()
      .describe(
        'What all its keys may spend together; null is unlimited. The operator alone sets it. A first limit counts what the keys were charged before.',
      ),
    credit_limit_raise: creditLimitRaise.optional(),
    key_names_immutable: z.boolean().optional().describe('Whether its keys keep the names that they were made with.'),
  })
  .meta({
    id: 'UpdateOrganization',
    examples: [{ name: 'Acme, Berlin' }, { key_names_immutable: true }, { credit_limit_usd: '500' }],
  });
export type UpdateOrganizationRequest = z.output<typeof updateOrganizationRequest>;

/** The id of an organisation in a path: lower case after this. */
export const organizationId = shown(
  z.string().transform((text, context) => {
    const read = readOrganizationId(text);
    if (read !== null) return read;
    context.addIssue({ code: 'custom', message: 'must be the id of one organisation' });
    return z.NEVER;
  }),
  { type: 'string', minLength: 7, maxLength: 36, description: 'A UUID in any case, or `default`.' },
);

/** The organisation that a path names. A malformed id is answered with 404, like that of an unknown organisation. */
export const organizationPath = pathSchema('organization_not_found', z.object({ id: organizationId }));
export type OrganizationPath = z.output<typeof organizationPath>;

/** The list of organisations in pages, newest first. */
export const ORGANIZATION_PAGES = new Pages('organizations', newestFirst(z.string().regex(/^[0-9a-z-]{1,64}$/)));
