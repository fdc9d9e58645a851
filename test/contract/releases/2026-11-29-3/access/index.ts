/** The roles of a member of an organisation, least first. Each may do all that the ones before it may. */
export const ROLES = ['viewer', 'member', 'admin', 'owner'] as const;
/** What a person may do in one organisation. */
export type Role = (typeof ROLES)[number];

/** Whether a role may do what `least` may. */
export const isAtLeast = (role: Role, least: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(least);
