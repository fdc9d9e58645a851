import { Injectable } from '@nestjs/common';
import { isAtLeast, type PersonPrincipal } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { FailureLimits, Problem } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { AuditTrail } from '../audit/audit-trail.js';
import { CreateKey } from '../keys/create-key/create-key.js';
import type { CreateKeyResult } from '../keys/create-key/new-keys.js';
import { roleNow } from '../members/maker.js';
import { tokenDigest } from '../sign-in/session-token.js';
import { Sessions } from '../sign-in/sessions.js';
import { AuthorizationCodeStore } from './authorization-code-store.js';
import { challengeOf, type AuthorizationCode } from './authorization-code.js';
import { verifierFits } from './challenge.js';
import type { ExchangeCodeRequest, ExchangedKey } from './exchange-code.request.js';
import { LEAST_ROLE } from './give-code.js';

type Created = Extract<CreateKeyResult, { readonly kind: 'created' }>;

/** Exchanges a code for a key of the person who has agreed, once. */
@Injectable()
export class ExchangeCode {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly codes: AuthorizationCodeStore,
    private readonly createKey: CreateKey,
    private readonly sessions: Sessions,
    private readonly failures: FailureLimits,
  ) {}

  /**
   * Of two exchanges at once one gets a key: one statement uses the code up, in the transaction that makes the key.
   * What fails before spends nothing. Resolves when gateways know the key, or could not be told in time.
   * @throws {Problem} `code_not_valid`, `challenge_method_differs`, or `rate_limit_exceeded` for too many guesses
   */
  async execute(request: ExchangeCodeRequest, actor: Actor, now: Date): Promise<ExchangedKey> {
    const address = actor.address ?? '';
    const code = await this.codeOf(request.code, address, now);
    const challenge = challengeOf(code);
    if (request.code_challenge_method !== null && request.code_challenge_method !== (challenge?.method ?? null))
      throw new Problem('challenge_method_differs');
    await this.demandVerifier(code, request.code_verifier, address);
    const { secret, written } = await this.database.inOrganization(code.organizationId, (manager) =>
      this.redeem(manager, code, actor, now),
    );
    await this.createKey.announced(written);
    return { key: secret.reveal(), user_id: code.personId };
  }

  /** A code that is nobody's is a guess, and counts for its address; one that was used or is too old is none. */
  private async codeOf(text: string, address: string, now: Date): Promise<AuthorizationCode> {
    if (this.failures.refusesAddress(address)) throw tooMany(this.failures.addressRetryAfterSeconds);
    const digest = tokenDigest(text);
    const code = digest === null ? null : await this.codes.find(digest);
    if (code === null) this.failures.failedFrom(address);
    if (code === null || code.redeemedAt !== null || code.expiresAt <= now) throw new Problem('code_not_valid');
    return code;
  }

  /** A wrong verifier leaves the code as it is, or whoever saw the code could spoil it; but guesses are few. */
  private async demandVerifier(code: AuthorizationCode, verifier: string | null, address: string): Promise<void> {
    const attempt = this.failures.begin(`authorization code ${code.id}`, address);
    if (attempt.verdict === 'limited' || (attempt.verdict === 'slowed' && !(await attempt.turn())))
      throw tooMany(attempt.retryAfterSeconds);
    // Counted as no failure, and as no success either: what makes an address trusted is not a code that is used once.
    if (verifierFits(challengeOf(code), verifier)) return attempt.abandoned();
    throw new Problem('code_not_valid');
  }

  private async redeem(manager: EntityManager, code: AuthorizationCode, actor: Actor, now: Date): Promise<Created> {
    const { organizationId, personId, sessionId, keyRequest, callbackUrl } = code;
    if (!(await this.codes.redeem(manager, code, now))) throw new Problem('code_not_valid');
    // Who has a session that is not theirs agrees to a key for themselves: with the session, as by a new password, that
    // ends too.
    if ((await this.sessions.live(manager, sessionId, now)) === null) throw new Problem('code_not_valid');
    // The person as they are now: since they agreed they may have been removed, or have another role.
    const role = await roleNow(manager, organizationId, { kind: 'person', id: personId }, now);
    if (role === null || !isAtLeast(role, LEAST_ROLE)) throw new Problem('code_not_valid');
    const person: PersonPrincipal = { kind: 'person', personId, sessionId, organizationId, role, provenAtMs: 0 };
    const created = await this.make(manager, code, { ...actor, principal: person }, now);
    await this.audit.append(manager, organizationId, [
      {
        actor: { ...actor, principal: person },
        action: 'authorization_code.redeemed',
        targetType: 'authorization_code',
        targetId: code.id,
        details: { api_key_id: created.key.id, name: keyRequest.name, app: new URL(callbackUrl).origin },
      },
    ]);
    return created;
  }

  /** What was agreed to may no longer be there: the organisation or the project is gone, or the expiry has passed. */
  private async make(manager: EntityManager, code: AuthorizationCode, actor: Actor, now: Date): Promise<Created> {
    try {
      const created = await this.createKey.execute(manager, code.organizationId, code.keyRequest, actor, now);
      if (created.kind === 'created') return created;
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
    }
    throw new Problem('code_not_valid');
  }
}

function tooMany(retryAfterSeconds: number): Problem {
  return new Problem('rate_limit_exceeded', {
    detail: 'Too many attempts failed. Wait before the next one.',
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}
