import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Problem, domainOfAddress, normalEmailAddress } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { AuditEntry } from '../../audit/audit-entry.js';
import { AuditTrail } from '../../audit/audit-trail.js';
import type { Invitation } from '../../members/invitation.js';
import { DomainStore } from '../../organizations/domains/domain-store.js';
import { lockOrganization } from '../../organizations/lock-organization.js';
import { PersonStore } from '../../people/person-store.js';
import { BeginSession } from '../begin-session.js';
import type { Caller } from '../caller.js';
import type { OpenedSession } from '../sessions.js';
import { IdentityStore, type IdentityKey, type LinkedPerson } from './identity-store.js';
import { JoinOrganization } from './join-organization.js';
import { decideLink, type LinkDecision, type LinkFacts, type LinkRefusal } from './link-identity.js';
import { OidcProviderStore } from './oidc-provider-store.js';
import type { OidcProvider } from './oidc-provider.js';
import type { ProviderClaims } from './provider-client.js';

/** Somebody whom the provider of an organisation has let sign in. */
export interface ProviderSignIn {
  readonly provider: OidcProvider;
  readonly claims: ProviderClaims;
  readonly caller: Caller;
  readonly now: Date;
}

/** What is known of somebody who signs in, with what it was read from. */
interface Known extends LinkFacts {
  /** The address of the person, else the one that the provider vouches for; null if there is neither. */
  readonly email: string | null;
  readonly invitation: Invitation | null;
}

type LetIn = Extract<LinkDecision, { kind: 'let_in' }>;

const NAME_LENGTH_MAX = 100;

/** Opens a session for somebody whom the provider of an organisation has let sign in. It acts there alone. */
@Injectable()
export class SignInByProvider {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly identities: IdentityStore,
    private readonly domains: DomainStore,
    private readonly people: PersonStore,
    private readonly joinOrganization: JoinOrganization,
    private readonly providers: OidcProviderStore,
    private readonly beginSession: BeginSession,
  ) {}

  /**
   * @throws {Problem} `oidc_refused`, and nothing is changed; `organization_not_found` if it was deleted meanwhile
   */
  async execute(signIn: ProviderSignIn): Promise<OpenedSession> {
    const { provider, claims, now } = signIn;
    const { organizationId } = provider;
    const key = { organizationId, issuer: claims.issuer, subject: claims.subject };
    return this.database.inOrganization(organizationId, async (manager) => {
      // What is decided about members and invitations stays true until the commit; of two first sign-ins of one subject
      // the second finds what the first has written.
      await lockOrganization(manager, organizationId);
      const known = await this.factsOf(manager, key, claims, now);
      const decision = decideLink(known);
      if (decision.kind === 'refused') throw new Problem('oidc_refused', { detail: DETAILS[decision.reason] });
      const { personId, entries } = await this.letIn(manager, key, decision, known, signIn);
      if (known.person?.role === 'owner') await this.providers.noteProven(manager, provider, now);
      return this.open(manager, personId, signIn, entries);
    });
  }

  private async factsOf(manager: EntityManager, key: IdentityKey, claims: ProviderClaims, now: Date): Promise<Known> {
    const { organizationId } = key;
    const known = await this.identities.find(manager, key);
    const vouched = claims.emailVerified && claims.email !== null ? normalEmailAddress(claims.email) : null;
    const person = await this.personOf(manager, known?.personId ?? null, vouched, key);
    const email = person?.email ?? vouched;
    const [invitation, domainProven] =
      email === null
        ? [null, false]
        : [
            await this.joinOrganization.invitationTo(manager, organizationId, email, now),
            await this.domains.isProven(manager, organizationId, domainOfAddress(email)),
          ];
    return {
      known,
      person,
      email,
      invitation,
      domainProven,
      emailVerified: vouched !== null,
      invited: invitation?.role ?? null,
    };
  }

  /** The person whom the subject belongs to, else the one of the address. */
  private async personOf(
    manager: EntityManager,
    personId: string | null,
    email: string | null,
    key: IdentityKey,
  ): Promise<LinkedPerson | null> {
    if (personId !== null) return this.identities.personOfId(manager, personId, key);
    return email === null ? null : this.identities.personOfEmail(manager, email, key);
  }

  /** Writes what was decided; who signs in, and what the audit trail has of it. */
  private async letIn(
    manager: EntityManager,
    key: IdentityKey,
    { personId, links, joins }: LetIn,
    { email, invitation, domainProven }: Known,
    { claims, caller: { actor }, now }: ProviderSignIn,
  ): Promise<{ readonly personId: string; readonly entries: readonly AuditEntry[] }> {
    const { organizationId } = key;
    if (email === null) throw new Error('somebody without an address is let in');
    const id = personId ?? (await this.makePerson(manager, email, domainProven, claims, now));
    const entries: AuditEntry[] = [];
    if (joins !== null) {
      const accepted = joins.by === 'invitation' ? invitation : null;
      const joining = { organizationId, person: { id, email }, role: joins.role, invitation: accepted };
      entries.push(...(await this.joinOrganization.join(manager, joining, actor, now)));
    }
    if (links) {
      const identityId = randomUUID();
      await this.identities.insert(manager, { ...key, id: identityId, personId: id, createdAt: now });
      const details = { issuer: key.issuer, person_id: id };
      entries.push({
        actor,
        action: 'oidc_identity.linked',
        targetType: 'oidc_identity',
        targetId: identityId,
        details,
      });
    }
    return { personId: id, entries };
  }

  /**
   * The address counts as confirmed only where the organisation has proven its domain: it could read the person's mail
   * as well. What its provider says of other addresses is between the two of them.
   */
  private async makePerson(
    manager: EntityManager,
    email: string,
    domainProven: boolean,
    { name }: ProviderClaims,
    now: Date,
  ): Promise<string> {
    const emailConfirmedAt = domainProven ? now : null;
    const made = { email, name: shownName(name), passwordHash: null, emailConfirmedAt, createdAt: now };
    const { person, created } = await this.people.create(manager, made);
    // Somebody has made this account in this very moment, elsewhere: what was decided was about another one.
    if (!created) throw new Problem('oidc_refused', { detail: DETAILS.account_unconfirmed });
    return person.id;
  }

  private async open(
    manager: EntityManager,
    personId: string,
    { provider, claims, caller, now }: ProviderSignIn,
    entries: readonly AuditEntry[],
  ): Promise<OpenedSession> {
    const { organizationId } = provider;
    const person = await this.people.find(manager, personId);
    if (person === null) throw new Error('a person was there, and is not');
    const how = {
      method: 'oidc',
      identity: { issuer: claims.issuer, subject: claims.subject },
      confinedTo: organizationId,
      // Who was signed in at the provider already has proven nothing today.
      provenAt: earlier(claims.authenticatedAt ?? new Date(0), now),
    } as const;
    const signedIn = await this.beginSession.execute(manager, person, how, caller, now);
    const actor = { ...caller.actor, principal: signedIn.principal };
    await this.audit.append(
      manager,
      organizationId,
      entries.map((entry) => ({ ...entry, actor })),
    );
    return signedIn;
  }
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other);

/** What a provider calls somebody, as one line; null if nothing of it can be seen. */
function shownName(name: string | null): string | null {
  const line = (name ?? '').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  // By code points: the table counts them, and no pair of surrogates is cut.
  const whole = [...line].slice(0, NAME_LENGTH_MAX).join('').trim();
  return whole === '' ? null : whole;
}

const DETAILS: Readonly<Record<LinkRefusal, string>> = {
  address_unverified: 'The identity provider does not vouch for an e-mail address of this person.',
  other_subject: 'The account of this address belongs to somebody else at the identity provider.',
  account_unconfirmed:
    'There is an account of this address whose owner has not confirmed the address yet. Confirm it, or reset its password.',
  account_of_others:
    'The invited address has an account. Sign in to that account, accept the invitation, and come by the identity provider then.',
  no_member: 'This person is no member of the organisation, and has no open invitation to it.',
};
