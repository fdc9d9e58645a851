import { Injectable } from '@nestjs/common';
import { Problem } from '@tollgate/http';
import { GroupStore } from '../groups/group-store.js';
import { OrganizationStore } from '../organizations/organization-store.js';
import type { GroupRoutes } from '../organizations/organization.js';
import { KeyStore } from '../store/key-store.js';
import { ConfiguredRoutes } from './configured-routes.js';
import type { GroupOfRoute, KeyRouteObject, RouteObject } from './route.reply.js';

/** Shows the routes of the configuration with the groups that open them. */
@Injectable()
export class ShowRoutes {
  constructor(
    private readonly routes: ConfiguredRoutes,
    private readonly groups: GroupStore,
    private readonly organizations: OrganizationStore,
    private readonly keys: KeyStore,
  ) {}

  /** All routes, each with every group of the organisation that has it; those too that only groups still name. */
  async all(organizationId: string): Promise<RouteObject[]> {
    const { routesOf } = await this.groupRoutes(organizationId);
    const holders = new Map<string, GroupOfRoute[]>(this.routes.all.map(({ name }) => [name, []]));
    for (const [group, names] of routesOf)
      for (const name of names) holders.set(name, [...(holders.get(name) ?? []), group]);
    return [...holders].map(([name, groups]) => {
      const access = this.routes.named(name)?.access ?? null;
      return { object: 'route', name, access, configured: access !== null, groups: byName(groups) };
    });
  }

  /**
   * The routes that a key may use, however it stands, each with every group by which it may.
   * @throws {Problem} `api_key_not_found` if the organisation has no such key
   */
  async ofKey(organizationId: string, id: string): Promise<KeyRouteObject[]> {
    const key = await this.keys.find(organizationId, id);
    if (key === null) throw new Problem('api_key_not_found');
    const { groupRoutes, routesOf } = await this.groupRoutes(organizationId, key.groupIds);
    const named = new Map(routesOf.map(([group]) => [group.id, group]));
    return this.routes.accessibleTo(key, groupRoutes).map(({ route: { name, access }, groupIds }) => ({
      object: 'key_route',
      name,
      access,
      groups: byName(groupIds.flatMap((groupId) => named.get(groupId) ?? [])),
    }));
  }

  /** What the organisation's groups open, and those of these ids with their names; all without ids. */
  private async groupRoutes(organizationId: string, only?: readonly string[]) {
    const groupRoutes: GroupRoutes = (await this.organizations.find(organizationId))?.groupRoutes ?? {};
    const ids = Object.keys(groupRoutes).filter((id) => only?.includes(id) ?? true);
    const names = ids.length === 0 ? new Map<string, string>() : await this.groups.namesOf(organizationId, ids);
    const routesOf = [...names].map(([id, name]): [GroupOfRoute, readonly string[]] => [
      { id, name },
      groupRoutes[id] ?? [],
    ]);
    return { groupRoutes, routesOf };
  }
}

const byName = (groups: readonly GroupOfRoute[]): GroupOfRoute[] =>
  groups.toSorted((one, other) => (one.name < other.name ? -1 : 1));
