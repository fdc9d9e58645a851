import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DEFAULT_ORGANIZATION_ID, readOrganizationId } from '@tollgate/contracts';
import { readsHeader } from '@tollgate/openapi';
import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** In which a caller says which organisation a request is about. */
const ORGANIZATION_HEADER = 'x-organization-id';

const noted = new WeakMap<object, string | null>();

/** Notes the organisation that a request is about, once it is known who asks; null for none. */
export function noteOrganization(request: object, id: string | null): void {
  noted.set(request, id);
}

/**
 * The id of the organisation that a request of the admin API is about: that of who asks, once a guard has noted it,
 * else the one that `x-organization-id` names, and `default` without it.
 * @throws {Problem} `organization_not_found` where who asks has none; `invalid_request` where the header can be no id
 */
export function organizationIdOf(request: Pick<FastifyRequest, 'headers'>): string {
  const id = noted.get(request);
  if (id === undefined) return readOrganizationHeader(request) ?? DEFAULT_ORGANIZATION_ID;
  if (id === null) throw new Problem('organization_not_found');
  return id;
}

/**
 * The organisation that `x-organization-id` names, in capitals or not; null without it. It says nothing of whether
 * there is one.
 * @throws {Problem} `invalid_request` where the header can be no organisation's id
 */
export function readOrganizationHeader({ headers }: Pick<FastifyRequest, 'headers'>): string | null {
  const given = headers[ORGANIZATION_HEADER];
  if (given === undefined) return null;
  // Node.js joins a repeated header to a text that is no id.
  const id = readOrganizationId(String(given));
  if (id !== null) return id;
  const errors = [{ path: ORGANIZATION_HEADER, message: 'must be the id of one organisation' }];
  throw new Problem('invalid_request', { errors });
}

const documentedHeader = {
  name: ORGANIZATION_HEADER,
  description:
    `The id of the organisation that is asked about. Without it: with the admin secret \`${DEFAULT_ORGANIZATION_ID}\`, ` +
    'with an API key its own, with a session the last one that was named, else the only one of the person.',
  schema: { type: 'string', minLength: 7, maxLength: 36 },
};

/** A handler's parameter: `organizationIdOf` its request. */
export const OrganizationId = createParamDecorator(
  readsHeader(documentedHeader, (_data: unknown, context: ExecutionContext): string =>
    organizationIdOf(context.switchToHttp().getRequest<FastifyRequest>()),
  ),
);

/** A handler's parameter that documents `x-organization-id` where the handler needs no id of it. It is undefined. */
export const NamesOrganization = createParamDecorator(readsHeader(documentedHeader, (): undefined => undefined));
