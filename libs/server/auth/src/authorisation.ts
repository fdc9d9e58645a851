import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { canBeImported } from '@tollgate/api-key';
import { decidePermission, PERMISSIONS, type AdminOperation, type Permission, type Principal } from '@tollgate/access';
import {
  ADMIN_CHALLENGE,
  clientAddressOf,
  declaredBytes,
  FailureLimits,
  isClientAddressKnown,
  isForm,
  noteOrganization,
  Problem,
  SecretChecks,
} from '@tollgate/http';
import { operationOfRoute } from '@tollgate/openapi';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { attachPrincipal } from './actor.js';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from './admin-api-settings.js';
import { CallLimits } from './call-limits.js';
import { AUTHENTICATOR, type CredentialAuthenticator, type CredentialQuestion } from './credential-strategies.js';
import { namedOrganization, type NamedOrganization } from './named-organization.js';
import { permissionRefusal } from './permission-refusal.js';
import { projectKeyOf, readCredential, sessionOf, type ShownCredential } from './read-credential.js';
import { requestOrigin } from './request-origin.js';
import { csrfTokenFits, csrfTokenOf, sessionCookieName } from './session-cookie.js';

/** Methods that change nothing, which other sites may cause. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** Headers of a refusal for want of a project key (RFC 7617). */
const PROJECT_CHALLENGE = { 'www-authenticate': 'Basic realm="tollgate", charset="UTF-8"' };

/** A route about a person's own account is about no organisation. */
const NO_NAME: NamedOrganization = { id: null, fault: null };

type Shown = Exclude<ShownCredential, { readonly kind: 'none' | 'two_cookies' }>;

const csrfTokens = new WeakMap<FastifyRequest, string>();

/** The CSRF token of the session by which a request came; null for one that came by another credential. */
export const csrfTokenOfRequest = (request: FastifyRequest): string | null => csrfTokens.get(request) ?? null;

/** The one of our operations that a request is; null for a route that is none, such as those for other services. */
export function adminOperationOf(request: FastifyRequest): AdminOperation | null {
  const id = operationOfRoute(request.routeOptions.config);
  return id !== null && Object.hasOwn(PERMISSIONS, id) ? (id as AdminOperation) : null;
}

/**
 * Decides about each request of the admin API by its head: its size, how much fails at its address, who asks, how often
 * they ask, and whether the table of permissions lets them. All before a byte of the body is read.
 */
@Injectable()
export class Authorisation {
  /** Each request is decided about once, however many guards ask. */
  private readonly decided = new WeakMap<FastifyRequest, Promise<void>>();
  /** Credentials that are being looked up, so that a thousand requests of one caller are one look-up. */
  private readonly lookUps = new Map<string, Promise<Principal | null>>();
  private readonly calls: CallLimits;

  constructor(
    @Inject(ADMIN_API_SETTINGS) private readonly settings: AdminApiSettings,
    @Inject(AUTHENTICATOR) private readonly authenticator: CredentialAuthenticator,
    @Inject(FailureLimits) private readonly failures: FailureLimits,
    @Inject(SecretChecks) private readonly checks: SecretChecks,
  ) {
    this.calls = new CallLimits(settings.limits);
  }

  /**
   * Resolves where a request may go on, and has said then who asks and which organisation it is about.
   * @throws {Problem} the refusal
   */
  decide(request: FastifyRequest, reply: FastifyReply | null): Promise<void> {
    let decision = this.decided.get(request);
    if (decision === undefined) this.decided.set(request, (decision = this.decideOnce(request, reply)));
    return decision;
  }

  private async decideOnce(request: FastifyRequest, reply: FastifyReply | null): Promise<void> {
    const operation = adminOperationOf(request);
    if (operation === null) throw new Error('a guard stands before a route that the table of permissions lacks');
    if ((declaredBytes(request.raw) ?? 0) > request.routeOptions.bodyLimit) throw new Problem('body_too_large');
    const permission: Permission = PERMISSIONS[operation];
    if (permission.kind === 'anyone') {
      if (permission.fromAnyPage !== true) await this.admitAnyone(request);
    } else await this.admit(request, reply, permission);
  }

  /** A route that asks for no credential still tells who asks, where a session says so by the rules of a session. */
  private async admitAnyone(request: FastifyRequest): Promise<void> {
    const unsafe = !SAFE_METHODS.includes(request.method);
    if (unsafe && this.originOf(request) === 'foreign') throw new Problem('foreign_origin');
    const shown = sessionOf(request.headers.cookie, this.cookieName);
    if (shown.kind !== 'session' || (unsafe && this.crossSiteFault(request, shown) !== null)) return;
    const principal = await this.identify(request, shown, null).catch((error: unknown) => {
      // A cookie of an ended session that a browser goes on sending must not close the way to sign in.
      if (error instanceof Problem && error.code === 'rate_limit_exceeded') return null;
      throw error;
    });
    if (principal !== null) attachPrincipal(request, principal);
  }

  private async admit(request: FastifyRequest, reply: FastifyReply | null, permission: Permission): Promise<void> {
    const shown = this.shownBy(request, permission);
    const { id: named, fault: nameFault } = permission.kind === 'person' ? NO_NAME : namedOrganization(request);
    const principal = await this.identify(request, shown, named);
    if (principal === null) throw new Problem('invalid_credential', { headers: ADMIN_CHALLENGE });
    attachPrincipal(request, principal);
    if (shown.kind === 'session' && shown.token !== null) csrfTokens.set(request, csrfTokenOf(shown.token));
    noteOrganization(request, principal.organizationId);
    const fault = SAFE_METHODS.includes(request.method) ? null : this.crossSiteFault(request, shown);
    if (fault !== null) throw new Problem(fault, fault === 'foreign_origin' ? { detail: this.originNeeded } : {});
    const { allowed, headers } = this.calls.take(principal);
    if (reply !== null) void reply.headers(headers);
    if (!allowed) throw new Problem('rate_limit_exceeded', { headers });
    if (nameFault !== null) throw nameFault;
    if (named !== null && principal.organizationId !== named) {
      const barred = principal.kind === 'person' && principal.oidcRequired === true;
      throw new Problem(barred ? 'oidc_required' : 'organization_not_found');
    }
    const decision = decidePermission(principal, permission, Date.now());
    if (decision.kind === 'refused') throw permissionRefusal(decision, named !== null);
  }

  private shownBy(request: FastifyRequest, permission: Permission): Shown {
    const ofProject = permission.kind === 'project_key';
    const shown =
      (ofProject ? projectKeyOf(request.headers) : null) ?? readCredential(request.headers, this.cookieName);
    if (shown.kind === 'two_cookies')
      throw new Problem('invalid_request', { detail: `The cookie ${this.cookieName} is there more than once.` });
    if (shown.kind !== 'none') return shown;
    this.checks.note('admin', 'missing', clientAddressOf(request));
    throw new Problem('missing_credential', { headers: ofProject ? PROJECT_CHALLENGE : ADMIN_CHALLENGE });
  }

  /** What a request by cookie lacks to be from a page of ours; null for nothing, and for a bearer. */
  private crossSiteFault(
    request: FastifyRequest,
    shown: ShownCredential,
  ): 'foreign_origin' | 'invalid_csrf_token' | null {
    if (shown.kind !== 'session' || shown.token === null) return null;
    if (this.originOf(request) !== 'own') return 'foreign_origin';
    // A form cannot send a header: its token is among its fields, where its handler looks at it.
    if (isForm(request)) return null;
    return csrfTokenFits(request.headers['x-csrf-token'], shown.token) ? null : 'invalid_csrf_token';
  }

  /** Who shows a credential; null where it is nobody's. Failures count, and too many are 429 before any look-up. */
  private identify(request: FastifyRequest, shown: Shown, organizationId: string | null): Promise<Principal | null> {
    const question = {
      credential: shown,
      organizationId,
      address: clientAddressOf(request),
      addressIsKnown: isClientAddressKnown(request),
    };
    return this.sharedLookUp(question);
  }

  private sharedLookUp(question: CredentialQuestion & { readonly credential: Shown }): Promise<Principal | null> {
    const account = accountOf(question.credential);
    const { organizationId, address, addressIsKnown } = question;
    const name = JSON.stringify([account, organizationId, address, addressIsKnown]);
    // The admin secret is one account of all who guess: their guesses differ.
    if (question.credential.kind === 'admin_secret') return this.limitedLookUp(account, question);
    let lookUp = this.lookUps.get(name);
    if (lookUp === undefined) {
      lookUp = this.limitedLookUp(account, question).finally(() => this.lookUps.delete(name));
      this.lookUps.set(name, lookUp);
    }
    return lookUp;
  }

  private async limitedLookUp(
    account: string,
    question: CredentialQuestion & { readonly credential: Shown },
  ): Promise<Principal | null> {
    const { credential, address } = question;
    if (credential.kind === 'session' && credential.token === null) return this.malformed(address);
    const attempt = this.failures.begin(account, address);
    const isAdmin = credential.kind === 'admin_secret';
    // What was right from an address before is no guess there, and costs no hash: others' failures do not delay it.
    const waits = attempt.verdict === 'slowed' && !attempt.proven;
    if (attempt.verdict === 'limited' || (waits && !(await attempt.turn()))) {
      if (isAdmin) this.checks.note('admin', 'limited', address);
      throw tooManyFailures(attempt.retryAfterSeconds);
    }
    try {
      const principal = await this.authenticate(question);
      if (principal === null && isAdmin) {
        const owner = await this.ownerOfImported(question, credential.secret);
        if (owner !== null) {
          // No guess at the admin secret, and no proof of it either.
          attempt.abandoned();
          return owner;
        }
      }
      if (principal !== null) attempt.succeeded();
      const limited = principal === null && attempt.verdict === 'slowed' && attempt.proven;
      if (isAdmin) this.checks.note('admin', principal !== null ? 'right' : limited ? 'limited' : 'wrong', address);
      if (limited) throw tooManyFailures(attempt.retryAfterSeconds);
      return principal;
    } catch (error) {
      // A right key at a wrong address, or trouble of ours: no failed guess.
      if (!(error instanceof Problem) || error.code !== 'rate_limit_exceeded') attempt.abandoned();
      throw error;
    }
  }

  /**
   * A secret that another product has made looks like a guess at the admin secret. Whose imported key has it; null for
   * nobody's.
   */
  private async ownerOfImported(question: CredentialQuestion, secret: string): Promise<Principal | null> {
    return canBeImported(secret) ? this.authenticate({ ...question, credential: { kind: 'api_key', secret } }) : null;
  }

  /** A cookie that can open no session is nobody's account: it counts for its address alone. */
  private malformed(address: string): null {
    if (this.failures.refusesAddress(address)) throw tooManyFailures(this.failures.addressRetryAfterSeconds);
    this.failures.failedFrom(address);
    return null;
  }

  private authenticate(question: CredentialQuestion): Promise<Principal | null> {
    return new Promise((resolve, reject) => {
      const done = (error: unknown, principal?: Principal | false | null): void => {
        if (error !== null && error !== undefined) reject(error as Error);
        else resolve(principal === false ? null : (principal ?? null));
      };
      const strategies = ['admin-secret', 'api-key', 'project-key', 'session'];
      const middleware = this.authenticator.authenticate(strategies, { session: false }, done) as (
        question: object,
        reply: object,
        next: (error?: unknown) => void,
      ) => void;
      // Passport marks what it is given, and other requests must not see that.
      middleware({ ...question }, {}, (error) => done(error ?? new Error('passport asked nobody')));
    });
  }

  private originOf(request: FastifyRequest) {
    return requestOrigin(request.headers, this.settings.publicUrl);
  }

  private get originNeeded(): string {
    const { origin } = new URL(this.settings.publicUrl);
    return `A change by the cookie of a session needs the header "Origin: ${origin}", which browsers send from pages of that address.`;
  }

  private get cookieName(): string {
    return sessionCookieName(this.settings.publicUrl);
  }
}

/** What failures are counted by. A digest stands for a key or a session, so that no secret stays in memory. */
function accountOf(credential: Shown): string {
  switch (credential.kind) {
    case 'admin_secret':
      return 'admin secret';
    case 'api_key':
      return createHash('sha256').update(credential.secret).digest('base64');
    case 'project_key':
      return createHash('sha256')
        .update(JSON.stringify([credential.publicKey, credential.secret]))
        .digest('base64');
    case 'session':
      return createHash('sha256')
        .update(credential.token ?? '')
        .digest('base64');
  }
}

function tooManyFailures(retryAfterSeconds: number): Problem {
  return new Problem('rate_limit_exceeded', {
    detail: 'Too many wrong credentials came from this address. Wait before the next one.',
    headers: { 'retry-after': String(retryAfterSeconds) },
  });
}
