import { uuid } from '@tollgate/contracts';
import { pathSchema, shown } from '@tollgate/openapi';
import { z } from 'zod';
import { organizationId } from '../organizations.request.js';
import { domainName } from './domain-name.js';

const domain = shown(
  z
    .string()
    .max(255)
    .transform((text, context) => {
      const name = domainName(text);
      if (name !== null) return name;
      context.addIssue({ code: 'custom', message: 'must be a domain, as example.com' });
      return z.NEVER;
    }),
  {
    type: 'string',
    minLength: 3,
    maxLength: 255,
    description: 'A domain of mail addresses, in any case; the domains below it are not part of it.',
  },
);

/** The body of `POST /v1/organizations/{id}/domains`. */
export const createDomainRequest = z
  .strictObject({ domain })
  .meta({ id: 'CreateDomain', examples: [{ domain: 'example.com' }] });
export type CreateDomainRequest = z.output<typeof createDomainRequest>;

/** The domain that a path names. */
export const domainPath = pathSchema(
  'domain_not_found',
  z.object({ id: organizationId, domain_id: uuid.describe('The `id` of a domain, in any case.') }),
);
export type DomainPath = z.output<typeof domainPath>;
