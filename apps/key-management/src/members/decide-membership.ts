import { isAtLeast, roleMayGrant, type Role } from '@tollgate/access';

/** Why a membership is not changed. */
export type MembershipRefusal =
  /** The organisation would have no owner. */
  | 'last_owner'
  /** The member has, or would get, a role above that of who asks, or who asks may give none. */
  | 'role_above_own';

/** What is known when a membership is to change. The organisation is locked, so that it stays true. */
export interface MembershipChange {
  /** The role of who asks, at this moment; null for none. */
  readonly own: Role | null;
  /** The role that the member has, and the one that they get; null where they are removed. */
  readonly from: Role;
  readonly to: Role | null;
  /** Whether the member is the one who asks. */
  readonly self: boolean;
  /** Whether somebody else is an owner, too. */
  readonly otherOwner: boolean;
}

/**
 * Whether a membership may change; null if it may. Admins and owners change roles up to their own. Everybody may leave,
 * and step down. Of two owners who remove each other at once, the second is told that they are the last one.
 */
export function decideMembership({ own, from, to, self, otherOwner }: MembershipChange): MembershipRefusal | null {
  if (from === 'owner' && to !== 'owner' && !otherOwner) return 'last_owner';
  if (self && (to === null || isAtLeast(from, to))) return null;
  return roleMayGrant(own, from) && (to === null || roleMayGrant(own, to)) ? null : 'role_above_own';
}
