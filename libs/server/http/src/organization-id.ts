import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DEFAULT_ORGANIZATION_ID, readOrganizationId } from '@tollgate/contracts';
import { readsHeader } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** In which the bearer of the admin secret says which organisation a request is about. */
const ORGANIZATION_HEADER = 'x-organization-id';

/**
 * The id of the organisation that a request of the admin API is about: what `x-organization-id` says, in capitals or
 * not, and `default` without it. It says nothing of whether there is one.
 * @throws {Problem} `invalid_request` where the header can be no organisation's id
 */
export function organizationIdOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  const given = headers[ORGANIZATION_HEADER];
  if (given === undefined) return DEFAULT_ORGANIZATION_ID;
  // Node.js joins a repeated header to a text that is no id.
  const id = readOrganizationId(String(given));
  if (id !== null) return id;
  const errors = [{ path: ORGANIZATION_HEADER, message: 'must be the id of one organisation' }];
  throw new Problem('invalid_request', { errors });
}

/** A handler's parameter: `organizationIdOf` its request. */
export const OrganizationId = createParamDecorator(
  readsHeader(
    {
      name: ORGANIZATION_HEADER,
      description: `The id of the organisation that is asked about; \`${DEFAULT_ORGANIZATION_ID}\` without it.`,
      schema: { type: 'string', minLength: 7, maxLength: 36, default: DEFAULT_ORGANIZATION_ID },
    },
    (_data: unknown, context: ExecutionContext): string =>
      organizationIdOf(context.switchToHttp().getRequest<FastifyRequest>()),
  ),
);
