import { describe, expect, it } from 'vitest';
import { decideLink, type LinkDecision, type LinkFacts } from './link-identity.js';

const person = { id: 'p', role: null, hasOtherSubject: false, isUnconfirmed: false };
const member = { ...person, role: 'owner' as const };
const facts: LinkFacts = { known: null, emailVerified: true, person: null, invited: null, domainProven: false };
const known = { personId: 'p' };

const refused = (reason: string): Partial<LinkDecision> => ({ kind: 'refused', reason }) as Partial<LinkDecision>;
const joins = (role: string, by: string) => ({ kind: 'let_in', links: true, joins: { role, by } });

describe('a sign-in by the provider of an organisation', () => {
  it.each<[string, Partial<LinkFacts>, object]>([
    ['a member for the first time', { person: member }, { kind: 'let_in', personId: 'p', links: true, joins: null }],
    ['a member again', { known, person: member }, { kind: 'let_in', personId: 'p', links: false, joins: null }],
    [
      'a member again whose address the provider no longer vouches for',
      { known, person: member, emailVerified: false },
      { kind: 'let_in', personId: 'p', links: false },
    ],
    [
      'a member again, who has by now another subject too',
      { known, person: { ...member, hasOtherSubject: true } },
      { kind: 'let_in' },
    ],
    [
      'a member whose address nobody vouches for',
      { person: member, emailVerified: false },
      refused('address_unverified'),
    ],
    [
      'the address of a member with another subject',
      { person: { ...member, hasOtherSubject: true } },
      refused('other_subject'),
    ],
    ['a stranger', {}, refused('no_member')],
    ['an account of another organisation', { person }, refused('no_member')],
    ['an invited stranger', { invited: 'admin' }, { personId: null, ...joins('admin', 'invitation') }],
    ['an invited account', { person, invited: 'member' }, refused('account_of_others')],
    [
      'an invited account of the domain',
      { person, invited: 'member', domainProven: true },
      { personId: 'p', ...joins('member', 'invitation') },
    ],
    ['a stranger of the domain', { domainProven: true }, { personId: null, ...joins('viewer', 'domain') }],
    ['an account of the domain', { person, domainProven: true }, { personId: 'p', ...joins('viewer', 'domain') }],
    [
      'an invited stranger of the domain',
      { invited: 'member', domainProven: true },
      { personId: null, ...joins('member', 'invitation') },
    ],
    [
      'a stranger of the domain whose address nobody vouches for',
      { domainProven: true, emailVerified: false },
      refused('address_unverified'),
    ],
    [
      'an invited stranger whose address nobody vouches for',
      { invited: 'member', emailVerified: false },
      refused('address_unverified'),
    ],
    [
      'an account that somebody else may have made beforehand',
      { person: { ...person, isUnconfirmed: true }, domainProven: true, invited: 'member' },
      refused('account_unconfirmed'),
    ],
    ['a removed member', { known, person }, refused('no_member')],
    ['a removed member of the domain', { known, person, domainProven: true }, refused('no_member')],
    [
      'a removed member who is invited again',
      { known, person, invited: 'viewer' },
      { kind: 'let_in', personId: 'p', links: false, joins: { role: 'viewer', by: 'invitation' } },
    ],
  ])('of %s', (_who, given, decision) => {
    expect(decideLink({ ...facts, ...given })).toMatchObject(decision);
  });
});
