import { compileAllowedIps, type ActiveSnapshot, type Scope } from '@tollgate/api-key';
import { compileNames } from './wildcard.js';

/** What a key says about its own use, in the form in which it is asked for each request. */
export interface KeyAccess {
  readonly scopes: readonly Scope[];
  /** Null for a key that may be used from every address. */
  readonly allowsAddress: ((address: string) => boolean) | null;
  /** Null for a key that may use every model. */
  readonly allowsModel: ((model: string) => boolean) | null;
}

/**
 * Prepares the lists of a key. This parses networks and patterns, so whoever asks often keeps the result as long as the
 * snapshot is the same.
 */
export function compileKeyAccess(snapshot: Pick<ActiveSnapshot, 'scopes' | 'allowedIps' | 'models'>): KeyAccess {
  const { scopes, allowedIps, models } = snapshot;
  return {
    scopes,
    allowsAddress: allowedIps === null ? null : compileAllowedIps(allowedIps),
    allowsModel: models === null ? null : compileModelList(models),
  };
}

/** Whether a key with this list of models may use the one a caller named: `*` in an entry is as in a route's name. */
export function compileModelList(models: readonly string[]): (model: string) => boolean {
  const find = compileNames(models, (name) => name);
  return (model) => find(model) !== null;
}
