/** A set of keys of one organisation, and the routes that it opens to them. */
export interface Group {
  readonly organizationId: string;
  readonly id: string;
  /** No two groups of an organisation have the same. */
  readonly name: string;
  readonly description: string | null;
  /** Names of routes of config.yaml, sorted. A route that is no longer there stays until it is taken away. */
  readonly routes: readonly string[];
  readonly createdAt: Date;
  /** 1 at creation; each change of its texts or routes adds one. Keys that join or leave do not. */
  readonly version: number;
  /** A deleted group stays in the database, hidden; null for all that are shown. */
  readonly deletedAt: Date | null;
}

/** How many groups an organisation may have. */
export const GROUPS_MAX = 500;
/** How many routes a group may have. */
export const ROUTES_OF_GROUP_MAX = 200;
/** How many groups a key may be in. */
export const GROUPS_OF_KEY_MAX = 50;
/** How many bytes the routes of all groups of an organisation may take together: every gateway keeps them in memory. */
export const GROUP_ROUTES_BYTES_MAX = 65_536;

/** What a group is called. A field that is left out stays as it is; an empty description is none. */
export interface GroupTexts {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
}

/** The group with other texts; null if nothing changes. */
export function edited(group: Group, { name = group.name, description = group.description }: GroupTexts): Group | null {
  const after = { ...group, name, description: description === '' ? null : description };
  if (after.name === group.name && after.description === group.description) return null;
  return { ...after, version: group.version + 1 };
}

/** The group with one more route; null if it has it. */
export function withRoute(group: Group, route: string): Group | null {
  if (group.routes.includes(route)) return null;
  return { ...group, version: group.version + 1, routes: [...group.routes, route].sort() };
}

/** The group without a route; null if it does not have it. */
export function withoutRoute(group: Group, route: string): Group | null {
  if (!group.routes.includes(route)) return null;
  return { ...group, version: group.version + 1, routes: group.routes.filter((each) => each !== route) };
}
