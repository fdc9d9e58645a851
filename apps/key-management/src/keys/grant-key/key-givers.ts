import { Injectable } from '@nestjs/common';
import {
  grantFaults,
  isAtLeast,
  roleOf,
  scopesAbove,
  type KeyGiver,
  type KeyReach,
  type Principal,
} from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { Problem, raisedLimit } from '@tollgate/http';
import type { EntityManager } from 'typeorm';
import { stateOf, type ApiKey } from '../api-key/api-key.js';
import { keyOf, SELECT_KEY, type KeyRow } from '../../store/key-row.js';

/** What a key may do, as `grantFaults` compares it. */
export function reachOf(key: ApiKey): KeyReach {
  const reach = { ...key, expiresAtMs: key.expiresAt?.getTime() ?? null };
  return key.kind === 'project' ? { ...reach, ...NO_INFERENCE } : reach;
}

/** The same with what a raise of its limit adds at `now`: so much of it is given. */
export function raisedReachOf(key: ApiKey, now: Date): KeyReach {
  return reachOf({ ...key, creditLimitNanoUsd: raisedLimit(key.creditLimitNanoUsd, key.creditRaise, now) });
}

/** A project key opens no inference: what restricts that in the key of its maker does not matter. */
const NO_INFERENCE = {
  creditLimitNanoUsd: 0n,
  rateLimits: { requestsPerMinute: 0, tokensPerMinute: 0, parallelRequests: 0 },
  models: [],
} as const;

/** Who acts on keys of others: by what they may give, and by whose key it is. */
export interface KeyHandler {
  /** Null where no request asks. */
  readonly principal: Principal | null;
  /** The member that a person is below the role admin; null for everybody else. */
  readonly memberId: string | null;
}

/** Who gives keys something: nobody gives a key more than they have themselves. */
@Injectable()
export class KeyGivers {
  /**
   * The one behind a request, read in the transaction that gives; null where no request asks, which nothing bounds.
   * Index: api_key_of_organization_unique.
   * @throws {Problem} `invalid_credential` if the key that asks has ended since it was identified
   */
  async giverOf(manager: EntityManager, { principal }: Pick<Actor, 'principal'>, now: Date): Promise<KeyGiver | null> {
    if (principal === null) return null;
    if (principal.kind !== 'api_key') return { principal, reach: null };
    const rows = await manager.query<KeyRow[]>(`${SELECT_KEY} WHERE k.id = $1 AND k.organization_id = $2`, [
      principal.apiKeyId,
      principal.organizationId,
    ]);
    const key = rows[0] === undefined ? null : keyOf(rows[0]);
    if (key === null || stateOf(key, now) !== 'active') throw new Problem('invalid_credential');
    // The scopes of this moment: they may have been taken away since the request came.
    return { principal: { ...principal, scopes: key.scopes }, reach: reachOf(key) };
  }

  /** The one behind a request, as `demandHandling` needs them. Index: member_by_person. */
  async handlerOf(manager: EntityManager, { principal }: Pick<Actor, 'principal'>): Promise<KeyHandler> {
    if (principal?.kind !== 'person' || isAdmin(principal)) return { principal, memberId: null };
    const [row] = await manager.query<{ id: string }[]>(
      'SELECT id FROM keys.member WHERE organization_id = $1 AND person_id = $2',
      [principal.organizationId, principal.personId],
    );
    return { principal, memberId: row?.id ?? null };
  }
}

/**
 * Throws where `giver` would give a key more than they have. `before` is the key as it was, for a change; null for a
 * new key, and for a secret that makes all of an old one usable to whoever asks, as in a rotation.
 * @throws {Problem} `access_denied`, whose `errors` name the settings and what they may be
 */
export function demandGrant(giver: KeyGiver | null, asked: KeyReach, before: KeyReach | null): void {
  if (giver === null) return;
  const errors = grantFaults(giver, asked, before);
  const [first] = errors;
  if (first === undefined) return;
  throw new Problem('access_denied', {
    detail: `You may not give a key more than you have yourself: ${first.path} ${first.message}.`,
    errors,
  });
}

const isAdmin = (principal: Principal): boolean => {
  const role = roleOf(principal);
  return role !== null && isAtLeast(role, 'admin');
};

/**
 * Throws where somebody may not change, rotate, switch or end a key. A key that can do more than they may give counts
 * as a member of its own rank, whom nobody below touches. The key of a member's subscription is that member's alone:
 * its quota was bought for them, and a rotation would hand it to whoever asks.
 * @throws {Problem} `role_above_own`, `access_denied`
 */
export function demandHandling(
  { principal, memberId }: KeyHandler,
  key: Pick<ApiKey, 'scopes' | 'kind' | 'memberId'>,
): void {
  if (principal === null) return;
  if (scopesAbove(principal, key.scopes).length > 0) throw new Problem('role_above_own');
  if (key.kind !== 'subscription' || key.memberId === null || key.memberId === memberId || isAdmin(principal)) return;
  throw new Problem('access_denied', {
    detail: 'It is the key of the subscription of another member: only they, an admin or an owner may do this.',
  });
}

/**
 * Throws where a person may not decide which groups a key is in: groups open routes that are closed to others, and to
 * move keys between them takes the role admin, by whichever call. API keys are bound by `demandGrant`.
 * @throws {Problem} `access_denied`
 */
export function demandGroups(giver: KeyGiver | null, asked: readonly string[], before: readonly string[]): void {
  if (giver?.principal.kind !== 'person') return;
  const { role } = giver.principal;
  const isSame = asked.length === before.length && asked.every((id) => before.includes(id));
  if (isSame || (role !== null && isAtLeast(role, 'admin'))) return;
  const errors = [{ path: 'groups', message: 'must be left to somebody with the role admin or above' }];
  throw new Problem('access_denied', {
    detail: 'Only an admin or an owner puts keys into groups or takes them out.',
    errors,
  });
}
