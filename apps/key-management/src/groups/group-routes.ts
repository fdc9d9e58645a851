import { Injectable } from '@nestjs/common';
import { openedRoutes, compileModelList, type KeyGiver } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { KeyGivers } from '../keys/grant-key/key-givers.js';
import type { Organization } from '../organizations/organization.js';
import { KeyRelay } from '../relay/key-relay.js';
import { ConfiguredRoutes, type ConfiguredRoute } from '../routes/configured-routes.js';
import { GroupStore, type DecideGroup } from './group-store.js';
import { ROUTES_OF_GROUP_MAX, withoutRoute, withRoute, type Group } from './group.js';

/** A group after a change. `everywhere`: every gateway knows; if false, they are still being told. */
interface ToldGroup {
  readonly group: Group;
  readonly everywhere: boolean;
}

/**
 * Gives routes to groups, takes them away and ends groups. Each is one record of the organisation for gateways, however
 * many keys a group has.
 */
@Injectable()
export class GroupRouteChanges {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly groups: GroupStore,
    private readonly routes: ConfiguredRoutes,
    private readonly givers: KeyGivers,
    private readonly relay: KeyRelay,
  ) {}

  /**
   * Gives a group a route; nothing changes if it has it. Resolves when the organisation's record is written or 2 s have
   * passed.
   * @throws {Problem} `group_not_found`; `route_not_configured`; `group_limit_reached`; `access_denied` if an API key
   * asks that may not use the route itself
   */
  async give(organizationId: string, id: string, name: string, actor: Actor, now: Date): Promise<ToldGroup> {
    const route = this.routes.named(name);
    const giver = await this.database.inOrganization(organizationId, (manager) =>
      this.givers.giverOf(manager, actor, now),
    );
    return this.change(organizationId, id, actor, (group, organization) => {
      const after = withRoute(group, name);
      if (after === null) return null;
      if (route === null)
        throw new Problem('route_not_configured', {
          detail:
            'config.yaml has no route of this name, so no group can have it. Spell it as the file does, with each * (GET /v1/routes lists all), or add it to the file first.',
        });
      demandReach(giver, route, organization);
      if (after.routes.length > ROUTES_OF_GROUP_MAX)
        throw new Problem('group_limit_reached', {
          detail: `A group may have ${ROUTES_OF_GROUP_MAX} routes. Make a second group for the others, or name several models by one route with a *.`,
        });
      return after;
    });
  }

  /** Takes a route from a group; nothing changes if it does not have it. @throws {Problem} `group_not_found` */
  async take(organizationId: string, id: string, name: string, actor: Actor): Promise<ToldGroup> {
    return this.change(organizationId, id, actor, (group) => withoutRoute(group, name));
  }

  /**
   * Ends a group, and its budget: its keys lose what it opened. No key is written, for the organisation's record says
   * all.
   * @throws {Problem} `group_not_found`, and what `allow` throws
   */
  async end(
    organizationId: string,
    id: string,
    allow: (group: Group) => void,
    actor: Actor,
    now: Date,
  ): Promise<ToldGroup> {
    const told = await this.change(organizationId, id, actor, (group) => {
      allow(group);
      return { ...group, version: group.version + 1, deletedAt: now };
    });
    // usage-billing is told of it too, and nobody waits for that.
    this.relay.wake();
    return told;
  }

  private async change(organizationId: string, id: string, actor: Actor, decide: DecideGroup): Promise<ToldGroup> {
    const changed = await this.groups.change(organizationId, id, decide, actor);
    if (changed === null) throw new Problem('group_not_found');
    if (changed === 'name_taken') throw new Error('a group kept its name and lost it to another one');
    return { group: changed.group, everywhere: await this.relay.snapshotsWritten(changed.written) };
  }
}

/** An API key gives groups no route that it may not use itself: it could be in the group, or put another key there. */
function demandReach(giver: KeyGiver | null, { name, access }: ConfiguredRoute, { groupRoutes }: Organization): void {
  const reach = giver?.reach ?? null;
  if (reach === null) return;
  const opened = access === 'everyone' || openedRoutes(reach.groupIds, groupRoutes).has(name);
  if (opened && (reach.models === null || compileModelList(reach.models)(name))) return;
  throw new Problem('access_denied', {
    detail: 'An API key gives a group only routes that it may use itself. Let a person or the operator do it.',
  });
}
