import { Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import type { AuditEntry } from '../../audit/audit-entry.js';
import { AuditTrail } from '../../audit/audit-trail.js';
import { DomainStore } from '../../organizations/domains/domain-store.js';
import { normalEmailAddress } from '../../people/email-address.js';
import { Sessions, type OpenedSession } from '../sessions.js';
import { IdentityStore, type IdentityKey } from './identity-store.js';
import { decideLink, type LinkRefusal } from './link-identity.js';
import { OidcProviderStore } from './oidc-provider-store.js';
import type { OidcProvider } from './oidc-provider.js';
import type { ProviderClaims } from './provider-client.js';

/** Somebody whom the provider of an organisation has let sign in. */
export interface ProviderSignIn {
  readonly provider: OidcProvider;
  readonly claims: ProviderClaims;
  readonly actor: Actor;
  readonly client: string | null;
  readonly now: Date;
}

/** Opens a session for somebody whom the provider of an organisation has let sign in. It acts there alone. */
@Injectable()
export class SignInByProvider {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly identities: IdentityStore,
    private readonly domains: DomainStore,
    private readonly providers: OidcProviderStore,
    private readonly sessions: Sessions,
  ) {}

  /** @throws {Problem} `oidc_refused`, and nothing is changed */
  async execute(signIn: ProviderSignIn): Promise<OpenedSession> {
    const { organizationId } = signIn.provider;
    return this.database.inOrganization(organizationId, async (manager) => {
      const key = { organizationId, issuer: signIn.claims.issuer, subject: signIn.claims.subject };
      const { personId, entries, role } = await this.letIn(manager, key, signIn);
      if (role === 'owner') await this.providers.noteProven(manager, signIn.provider, signIn.now);
      return this.open(manager, personId, signIn, entries);
    });
  }

  private async letIn(manager: EntityManager, key: IdentityKey, { claims }: ProviderSignIn) {
    const known = await this.identities.find(manager, key);
    const email = claims.email === null ? null : normalEmailAddress(claims.email);
    const person =
      known !== null
        ? await this.identities.personOfId(manager, known.personId, key)
        : email === null
          ? null
          : await this.identities.personOfEmail(manager, email, key);
    const decision = decideLink({
      known,
      person,
      emailVerified: claims.emailVerified && email !== null,
      invited: null,
      domainProven: false,
    });
    if (decision.kind === 'refused') throw new Problem('oidc_refused', { detail: DETAILS[decision.reason] });
    return { personId: decision.personId ?? '', role: person?.role ?? null, entries: [] as AuditEntry[] };
  }

  private async open(
    manager: EntityManager,
    personId: string,
    { provider, claims, actor, client, now }: ProviderSignIn,
    entries: readonly AuditEntry[],
  ): Promise<OpenedSession> {
    const { organizationId } = provider;
    const opened = await this.sessions.open(
      manager,
      {
        personId,
        method: 'oidc',
        identity: { issuer: claims.issuer, subject: claims.subject },
        confinedTo: organizationId,
        lastOrganizationId: organizationId,
        address: actor.address,
        client,
        // Who was signed in at the provider already has proven nothing today.
        provenAt: earlier(claims.authenticatedAt ?? new Date(0), now),
      },
      now,
    );
    const { id: sessionId, provenAt } = opened.session;
    const principal = { kind: 'person', personId, sessionId, organizationId, role: null } as const;
    const by = { ...actor, principal: { ...principal, provenAtMs: provenAt.getTime() } };
    const target = { targetType: 'session', targetId: sessionId };
    await this.audit.append(manager, organizationId, [
      ...entries.map((entry) => ({ ...entry, actor: by })),
      { ...target, actor: by, action: 'session.created', details: { method: 'oidc', issuer: claims.issuer } },
    ]);
    return opened;
  }
}

const earlier = (one: Date, other: Date): Date => (one < other ? one : other);

const DETAILS: Readonly<Record<LinkRefusal, string>> = {
  address_unverified: 'The identity provider does not vouch for an e-mail address of this person.',
  other_subject: 'The account of this address belongs to somebody else at the identity provider.',
  account_unconfirmed:
    'There is an account of this address whose owner has not confirmed the address yet. Confirm it, or reset its password.',
  no_member: 'This person is no member of the organisation, and has no open invitation to it.',
};
