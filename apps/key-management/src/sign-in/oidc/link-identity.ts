import type { Role } from '@tollgate/access';

/** What is known when somebody signs in by an organisation's provider, before anything is written. */
export interface LinkFacts {
  /** The person whom this issuer and subject belong to in the organisation; null if it is new. */
  readonly known: { readonly personId: string } | null;
  /** Whether the provider vouches for the address. */
  readonly emailVerified: boolean;
  /** The person of `known`, else of the address; null if there is none. */
  readonly person: {
    readonly id: string;
    /** Null if the person is no member of the organisation. */
    readonly role: Role | null;
    /** Whether another subject of this issuer belongs to them in the organisation. */
    readonly hasOtherSubject: boolean;
    /** Whether a password opens the account though nobody has shown that they receive mail at its address. */
    readonly isUnconfirmed: boolean;
  } | null;
  /** The role that an open invitation to the address gives; null without one. */
  readonly invited: Role | null;
  /** Whether the organisation has proven the domain of the address. */
  readonly domainProven: boolean;
}

/** Why somebody whom the provider knows may not come in. */
export type LinkRefusal =
  'address_unverified' | 'other_subject' | 'account_unconfirmed' | 'account_of_others' | 'no_member';

/** What to do about a sign-in. */
export type LinkDecision =
  | { readonly kind: 'refused'; readonly reason: LinkRefusal }
  | {
      readonly kind: 'let_in';
      /** Null for a person who must be made. */
      readonly personId: string | null;
      /** Whether issuer and subject are noted as the person's. */
      readonly links: boolean;
      /** How the person becomes a member; null if they are one. */
      readonly joins: { readonly role: Role; readonly by: 'invitation' | 'domain' } | null;
    };

/** What somebody is who comes by a proven domain alone: the least, until an owner or admin says more. */
const ROLE_BY_DOMAIN: Role = 'viewer';

/**
 * Decides who signs in. Issuer and subject alone say who somebody is. An address is believed once, to link them, and
 * only where the provider vouches for it and the organisation may speak for the person: a member of its own, somebody
 * it has invited who has no account yet, or an address of a domain that it has proven. An account that has another
 * subject of this issuer is never linked, and one outside of the organisation never without the domain: an invitation
 * is accepted by a session of that account alone, for anybody can invite any address. Such an account must not be one
 * that somebody else could have made beforehand: with a password, for an address at which they receive no mail.
 */
export function decideLink({ known, emailVerified, person, invited, domainProven }: LinkFacts): LinkDecision {
  if (known === null && !emailVerified) return refuse('address_unverified');
  if (known === null && person?.hasOtherSubject === true) return refuse('other_subject');
  const links = known === null;
  if (person !== null && person.role !== null) return { kind: 'let_in', personId: person.id, links, joins: null };
  const joins = joiningBy(invited, domainProven && links);
  if (joins === null) return refuse('no_member');
  if (links && person !== null && !domainProven) return refuse('account_of_others');
  if (links && person?.isUnconfirmed === true) return refuse('account_unconfirmed');
  return { kind: 'let_in', personId: person?.id ?? null, links, joins };
}

const refuse = (reason: LinkRefusal): LinkDecision => ({ kind: 'refused', reason });

/** A member who was removed does not come back by the domain: `byDomain` is for a first sign-in alone. */
function joiningBy(invited: Role | null, byDomain: boolean) {
  if (invited !== null) return { role: invited, by: 'invitation' } as const;
  return byDomain ? ({ role: ROLE_BY_DOMAIN, by: 'domain' } as const) : null;
}
