import { Injectable } from '@nestjs/common';
import { STEP_UP_MS } from '@tollgate/access';
import { Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditTrail } from '../../audit/audit-trail.js';
import type { Caller } from '../caller.js';
import type { Session } from '../session.js';
import { Sessions, type OpenedSession } from '../sessions.js';
import type { ProviderClaims } from './provider-client.js';

/** How far the provider's clock may be ahead of ours. */
const CLOCK_TOLERANCE_MS = 30_000;

/** Why a provider's word proves nothing about a session. */
export type ProofRefusal = 'other_person' | 'not_again';

/**
 * When the person of a session proved again who they are, as the provider says it; or why that does not count. It must
 * be the same subject of the same issuer, and the provider must have let them sign in within 10 minutes: that a session
 * of theirs runs there proves nothing, and neither does a provider that does not say when.
 */
export function proofOf(
  session: Pick<Session, 'method' | 'oidcIssuer' | 'oidcSubject'>,
  { issuer, subject, authenticatedAt }: Pick<ProviderClaims, 'issuer' | 'subject' | 'authenticatedAt'>,
  now: Date,
): Date | ProofRefusal {
  const same = session.method === 'oidc' && session.oidcIssuer === issuer && session.oidcSubject === subject;
  if (!same) return 'other_person';
  if (authenticatedAt === null) return 'not_again';
  const ageMs = now.getTime() - authenticatedAt.getTime();
  if (ageMs >= STEP_UP_MS || ageMs < -CLOCK_TOLERANCE_MS) return 'not_again';
  return ageMs < 0 ? now : authenticatedAt;
}

/** The end of a step-up at a provider. */
export interface StepUp {
  readonly organizationId: string;
  readonly sessionId: string;
  readonly claims: ProviderClaims;
  readonly caller: Caller;
  readonly now: Date;
}

/** Notes that the person of a session has signed in again at their provider. The session gets a new token. */
@Injectable()
export class ProveAgain {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly sessions: Sessions,
  ) {}

  /** @throws {Problem} `oidc_attempt_invalid` if the browser has another session by now; `oidc_refused` */
  async execute({ organizationId, sessionId, claims, caller, now }: StepUp): Promise<OpenedSession> {
    return this.database.inOrganization(organizationId, async (manager) => {
      const session = await this.sessions.live(manager, sessionId, now);
      if (session?.confinedTo !== organizationId) throw new Problem('oidc_attempt_invalid');
      const proof = proofOf(session, claims, now);
      if (!(proof instanceof Date)) throw new Problem('oidc_refused', { detail: DETAILS[proof] });
      const opened = await this.sessions.prove(manager, sessionId, caller.token ?? '', now, proof);
      if (opened === null) throw new Problem('oidc_attempt_invalid');
      const principal = { kind: 'person', personId: session.personId, sessionId } as const;
      await this.audit.append(manager, organizationId, [
        {
          actor: {
            ...caller.actor,
            principal: { ...principal, organizationId, role: null, provenAtMs: proof.getTime() },
          },
          action: 'session.proven',
          targetType: 'session',
          targetId: sessionId,
          details: { method: 'oidc', issuer: claims.issuer },
        },
      ]);
      return opened;
    });
  }
}

const DETAILS: Readonly<Record<ProofRefusal, string>> = {
  other_person: 'Somebody else has signed in at the identity provider than the person of this session.',
  not_again: 'The identity provider did not let the person sign in again, or does not say when they did.',
};
