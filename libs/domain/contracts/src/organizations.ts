/** The organisation that every installation has from the beginning. A request that names none is about this one. */
export const DEFAULT_ORGANIZATION_ID = 'default';

const ORGANIZATION_ID = /^(default|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * The id of an organisation as a caller writes it, in lower case; null where it can be no organisation's. It says
 * nothing of whether there is one.
 */
export function readOrganizationId(text: string): string | null {
  const id = text.toLowerCase();
  return ORGANIZATION_ID.test(id) ? id : null;
}
