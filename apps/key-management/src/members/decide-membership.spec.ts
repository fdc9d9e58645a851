import { isAtLeast, ROLES, type Role } from '@tollgate/access';
import { describe, expect, it } from 'vitest';
import { decideMembership, type MembershipChange } from './decide-membership.js';

const change = (given: Partial<MembershipChange>): MembershipChange => ({
  own: 'owner',
  from: 'member',
  to: 'viewer',
  self: false,
  otherOwner: true,
  ...given,
});
const everyRole = [null, ...ROLES];

describe('a membership', () => {
  it('changes only below the role of who asks, by admins and owners', () => {
    for (const own of everyRole)
      for (const from of ROLES)
        for (const to of everyRole) {
          const may =
            own !== null && isAtLeast(own, 'admin') && isAtLeast(own, from) && (to === null || isAtLeast(own, to));
          expect([own, from, to, decideMembership(change({ own, from, to }))]).toEqual([
            own,
            from,
            to,
            may ? null : 'role_above_own',
          ]);
        }
  });

  it('is left by everybody, whatever their role', () => {
    for (const from of ROLES) expect(decideMembership(change({ own: from, from, to: null, self: true }))).toBeNull();
  });

  it('goes down for oneself, and never up', () => {
    for (const from of ROLES)
      for (const to of ROLES)
        expect(decideMembership(change({ own: from, from, to, self: true }))).toBe(
          isAtLeast(from, to) ? null : 'role_above_own',
        );
  });

  it('of the last owner stays, whoever asks', () => {
    for (const own of everyRole)
      for (const self of [true, false])
        for (const to of [null, 'admin', 'member', 'viewer'] as (Role | null)[])
          expect(decideMembership(change({ own, from: 'owner', to, self, otherOwner: false }))).toBe('last_owner');
    expect(decideMembership(change({ from: 'owner', to: 'owner', otherOwner: false }))).toBeNull();
  });
});
