import type { Principal, Role } from '@tollgate/access';
import { unreachable } from '@tollgate/errors';
import type { EntityManager } from 'typeorm';

/** Who made a key or sent an invitation. */
export type Maker =
  { readonly kind: 'operator'; readonly id: null } | { readonly kind: 'api_key' | 'person'; readonly id: string };

/** Whoever asks, as the maker of something. */
export function makerOf(principal: Principal): Maker {
  switch (principal.kind) {
    case 'operator':
      return { kind: 'operator', id: null };
    case 'api_key':
      return { kind: 'api_key', id: principal.apiKeyId };
    case 'person':
      return { kind: 'person', id: principal.personId };
    default:
      return unreachable(principal);
  }
}

/**
 * The role that a maker counts as at this moment, for roles that it gives or takes: a key with the scope `admin` is an
 * admin, the admin secret an owner. Null for who was removed, and for a key that cannot be used or that is limited
 * itself: a person is not, and would make keys without those limits. Indexes: api_key_of_organization_unique,
 * member_by_person.
 */
export async function roleNow(
  manager: EntityManager,
  organizationId: string,
  maker: Maker,
  now: Date,
): Promise<Role | null> {
  switch (maker.kind) {
    case 'operator':
      return 'owner';
    case 'api_key': {
      const keys = await manager.query<object[]>(
        `SELECT id FROM keys.api_key WHERE id = $1 AND organization_id = $2 AND 'admin' = ANY(scopes)
           AND revoked_at IS NULL AND disabled_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
           AND credit_limit_nano_usd IS NULL AND models IS NULL AND allowed_ips IS NULL AND project_id IS NULL
           AND requests_per_minute IS NULL AND tokens_per_minute IS NULL AND parallel_requests IS NULL
           AND browser_use = 'allowed'`,
        [maker.id, organizationId, now],
      );
      return keys.length === 0 ? null : 'admin';
    }
    case 'person': {
      const members = await manager.query<{ role: Role }[]>(
        'SELECT role FROM keys.member WHERE organization_id = $1 AND person_id = $2',
        [organizationId, maker.id],
      );
      return members[0]?.role ?? null;
    }
    default:
      return unreachable(maker);
  }
}
