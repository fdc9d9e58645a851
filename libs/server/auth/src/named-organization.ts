import { readOrganizationId } from '@tollgate/contracts';
import { Problem, readOrganizationHeader } from '@tollgate/http';
import type { FastifyRequest } from 'fastify';

const OF_ORGANIZATION = /^\/v1\/organizations\/:(\w+)/;

/** The organisation that a request names, or the refusal of a name that can be none. */
export interface NamedOrganization {
  /** Null where the request names none. Whether there is one is not said. */
  readonly id: string | null;
  readonly fault: Problem | null;
}

/**
 * The organisation that a request names: that of its path below `/v1/organizations/`, else that of
 * `x-organization-id`. The fault is for whoever is known: others hear first that they are not.
 */
export function namedOrganization(request: FastifyRequest): NamedOrganization {
  const parameter = OF_ORGANIZATION.exec(request.routeOptions.url ?? '')?.[1];
  if (parameter === undefined) return ofHeader(request);
  const id = readOrganizationId((request.params as Record<string, string>)[parameter] ?? '');
  return { id, fault: id === null ? new Problem('organization_not_found') : null };
}

function ofHeader(request: FastifyRequest): NamedOrganization {
  try {
    return { id: readOrganizationHeader(request), fault: null };
  } catch (error) {
    if (error instanceof Problem) return { id: null, fault: error };
    throw error;
  }
}
