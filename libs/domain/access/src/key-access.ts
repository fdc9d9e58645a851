import { compileAllowedIps, type ActiveSnapshot, type OrganizationSnapshot, type Scope } from '@tollgate/api-key';
import { openedRoutes } from './opened-routes.js';
import { compileNames } from './wildcard.js';

/** The restrictions of a key, compiled for the checks of each request. */
export interface KeyAccess {
  readonly scopes: readonly Scope[];
  /** Null for a key that may be used from every address. */
  readonly allowsAddress: ((address: string) => boolean) | null;
  /** Whether web pages may not use it. */
  readonly refusesPages: boolean;
  /** Whether it is the secret of a project key. */
  readonly isProjectKey: boolean;
  /** Null for a key that may use every model. */
  readonly allowsModel: ((model: string) => boolean) | null;
  /** The names of the routes that its groups open to it, beside those that are open to everyone. */
  readonly opens: ReadonlySet<string>;
}

/**
 * Compiles the lists of a key, and joins its groups with the routes that its organisation gave them. This parses
 * networks and patterns, so cache the result as long as both snapshots are the same. Without a snapshot of the
 * organisation its groups open nothing.
 */
export function compileKeyAccess(
  snapshot: Pick<ActiveSnapshot, 'scopes' | 'allowedIps' | 'models' | 'browserUse' | 'kind' | 'groups'>,
  organization: Pick<OrganizationSnapshot, 'groupRoutes'> | null = null,
): KeyAccess {
  const { scopes, allowedIps, models, browserUse, kind, groups } = snapshot;
  return {
    scopes,
    allowsAddress: allowedIps === null ? null : compileAllowedIps(allowedIps),
    refusesPages: browserUse === 'refused',
    isProjectKey: kind === 'project',
    allowsModel: models === null ? null : compileModelList(models),
    opens: openedRoutes(groups, organization?.groupRoutes),
  };
}

/** Makes a function that matches a model's name against a list; `*` in an entry means the same as in a route's name. */
export function compileModelList(models: readonly string[]): (model: string) => boolean {
  const find = compileNames(models, (name) => name);
  return (model) => find(model) !== null;
}
