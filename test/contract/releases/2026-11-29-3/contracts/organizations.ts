/** The organisation that every installation has from the start. A request that names none concerns this one. */
export const DEFAULT_ORGANIZATION_ID = 'default';

const ORGANIZATION_ID = /^(default|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * Reads the id of an organisation that a caller has sent, and returns it in lower case; null if it does not have the
 * form of an id. It does not check whether the organisation exists.
 */
export function readOrganizationId(text: string): string | null {
  const id = text.toLowerCase();
  return ORGANIZATION_ID.test(id) ? id : null;
}
