import { compileAllowedIps, type ActiveSnapshot, type Scope } from '@tollgate/api-key';
import { compileNames } from './wildcard.js';

/** The restrictions of a key, compiled for the checks of each request. */
export interface KeyAccess {
  readonly scopes: readonly Scope[];
  /** Null for a key that may be used from every address. */
  readonly allowsAddress: ((address: string) => boolean) | null;
  /** Null for a key that may use every model. */
  readonly allowsModel: ((model: string) => boolean) | null;
}

/**
 * Compiles the lists of a key. This parses networks and patterns, so cache the result as long as the snapshot is the
 * same.
 */
export function compileKeyAccess(snapshot: Pick<ActiveSnapshot, 'scopes' | 'allowedIps' | 'models'>): KeyAccess {
  const { scopes, allowedIps, models } = snapshot;
  return {
    scopes,
    allowsAddress: allowedIps === null ? null : compileAllowedIps(allowedIps),
    allowsModel: models === null ? null : compileModelList(models),
  };
}

/** Makes a function that matches a model's name against a list; `*` in an entry means the same as in a route's name. */
export function compileModelList(models: readonly string[]): (model: string) => boolean {
  const find = compileNames(models, (name) => name);
  return (model) => find(model) !== null;
}
