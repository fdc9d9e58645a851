import { pageQuery, Pages } from '@tollgate/http';
import { z } from 'zod';

/** The query of `GET /v1/routes` and of `GET /v1/api-keys/{id}/routes`. */
export const listRoutesRequest = z.strictObject(pageQuery);
export type ListRoutesRequest = z.output<typeof listRoutesRequest>;

const byName = z.tuple([z.string().min(1).max(200)]);

/** The list of routes in pages, by their names. */
export const ROUTE_PAGES = new Pages('routes', byName);
/** The list of routes that a key may use in pages, by their names. */
export const KEY_ROUTE_PAGES = new Pages('key_routes', byName);

/** The items behind a name, in the order of their names. */
export function behind<T extends { readonly name: string }>(items: readonly T[], name: string | undefined): T[] {
  const sorted = items.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return name === undefined ? sorted : sorted.filter((each) => each.name > name);
}
