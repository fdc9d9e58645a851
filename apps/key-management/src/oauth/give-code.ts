import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { isAtLeast, type PersonPrincipal } from '@tollgate/access';
import type { Actor } from '@tollgate/auth';
import { ServiceDatabase } from '@tollgate/postgres';
import { AuditTrail } from '../audit/audit-trail.js';
import type { CreateKeyRequest } from '../keys/create-key/create-key.request.js';
import { OrganizationStore } from '../organizations/organization-store.js';
import { newToken, tokenDigest } from '../sign-in/session-token.js';
import { AuthorizationCodeStore, type OrganizationChoice } from './authorization-code-store.js';
import { CODE_LIFE_MS } from './authorization-code.js';
import { withParameter } from './callback-url.js';
import type { KeyWish } from './consent.request.js';

/** The least role of who may make a key, for an app as for anybody. */
export const LEAST_ROLE = 'member';

/** Gives an app the code for a key that a person has agreed to. */
@Injectable()
export class GiveCode {
  private readonly audit = new AuditTrail();

  constructor(
    private readonly database: ServiceDatabase,
    private readonly codes: AuthorizationCodeStore,
    private readonly organizations: OrganizationStore,
  ) {}

  /** Where the person of a session may make keys, the oldest organisation first. */
  async choicesOf({ sessionId }: PersonPrincipal): Promise<OrganizationChoice[]> {
    const choices = await this.codes.choicesOf(sessionId);
    return choices.filter(({ role, barred }) => !barred && isAtLeast(role, LEAST_ROLE));
  }

  /**
   * Stores a code, and resolves with the address to which it goes: the callback with the code.
   * @throws {Problem} `organization_not_found` if the organisation has been deleted meanwhile
   */
  async execute(
    person: PersonPrincipal,
    organizationId: string,
    wish: KeyWish,
    keyRequest: CreateKeyRequest,
    actor: Actor,
    now: Date,
  ): Promise<string> {
    const token = newToken();
    const digest = tokenDigest(token);
    if (digest === null) throw new Error('a new code has another form than tokens have');
    const code = {
      organizationId,
      id: randomUUID(),
      digest,
      personId: person.personId,
      sessionId: person.sessionId,
      callbackUrl: wish.callback.url,
      challenge: wish.challenge?.challenge ?? null,
      method: wish.challenge?.method ?? null,
      keyRequest,
      createdAt: now,
      expiresAt: new Date(now.getTime() + CODE_LIFE_MS),
      redeemedAt: null,
    };
    await this.database.inOrganization(organizationId, async (manager) => {
      await this.organizations.keep(manager, organizationId);
      await this.codes.insert(manager, code, now);
      await this.audit.append(manager, organizationId, [
        {
          actor: { ...actor, principal: { ...person, organizationId } },
          action: 'authorization_code.created',
          targetType: 'authorization_code',
          targetId: code.id,
          details: {
            app: wish.callback.origin,
            name: keyRequest.name,
            credit_limit_usd: keyRequest.credit_limit_usd === null ? null : String(keyRequest.credit_limit_usd),
            expires_at: keyRequest.expires_at,
            models: keyRequest.models,
          },
        },
      ]);
    });
    return withParameter(wish.callback, 'code', token);
  }
}
