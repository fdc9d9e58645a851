import { Inject, Injectable, Optional } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { Principal } from '@tollgate/access';
import { hasSecretForm } from '@tollgate/api-key';
import {
  DEFAULT_ORGANIZATION_ID,
  KEY_MANAGEMENT_API,
  type IdentifyPrincipalRequest,
  type KeyManagementApi,
} from '@tollgate/contracts';
import { unreachable } from '@tollgate/errors';
import { ADMIN_SECRETS, InternalCallError, isAccepted, Problem, type AcceptedSecrets } from '@tollgate/http';
import passport from 'passport';
import type { ShownCredential } from './read-credential.js';

/** One question to the strategies. Passport calls it a request, and looks at nothing in it. */
export interface CredentialQuestion {
  readonly credential: ShownCredential;
  /** The organisation that the request names; null for none. */
  readonly organizationId: string | null;
  /** The client's address, or that of the last proxy that we know of: what failures are counted by. */
  readonly address: string;
  /** False where a proxy does not tell the client's address. */
  readonly addressIsKnown: boolean;
}

/** Passport with the strategies of one application. The one of the package is shared by all of a process. */
export const AUTHENTICATOR = Symbol('AUTHENTICATOR');
export type CredentialAuthenticator = InstanceType<typeof passport.Passport>;
export const newAuthenticator = (): CredentialAuthenticator => new passport.Passport();

type Identifier = Pick<KeyManagementApi, 'identifyPrincipal'>;
type Verify = (question: CredentialQuestion, done: (error: unknown, principal?: Principal | null) => void) => void;

/** The part of passport's contract that all strategies share: ask `validate`, and say how it ended. */
class QuestionStrategy extends passport.Strategy {
  constructor(
    readonly authenticator: CredentialAuthenticator,
    readonly verify: Verify,
  ) {
    super();
  }

  override authenticate(question: unknown): void {
    this.verify(question as CredentialQuestion, (error, principal) => {
      if (error !== null && error !== undefined) this.error(error);
      else if (principal === null || principal === undefined) this.fail(401);
      else this.success(principal);
    });
  }
}

/** The admin secret as bearer: the operator, in any organisation. */
@Injectable()
export class AdminSecretStrategy extends PassportStrategy(QuestionStrategy, 'admin-secret') {
  constructor(
    @Inject(AUTHENTICATOR) authenticator: CredentialAuthenticator,
    @Inject(ADMIN_SECRETS) private readonly secrets: AcceptedSecrets,
  ) {
    super(authenticator);
  }

  getPassportInstance(): CredentialAuthenticator {
    return this.authenticator;
  }

  validate({ credential, organizationId }: CredentialQuestion): Principal | null {
    if (credential.kind !== 'admin_secret' || !isAccepted(credential.secret, this.secrets)) return null;
    return { kind: 'operator', organizationId: organizationId ?? DEFAULT_ORGANIZATION_ID };
  }
}

/** The base of a strategy whose credentials key-management knows, under its name in Passport. */
function identifiedStrategy(name: string) {
  abstract class IdentifiedStrategy extends PassportStrategy(QuestionStrategy, name) {
    constructor(
      @Inject(AUTHENTICATOR) authenticator: CredentialAuthenticator,
      @Optional() @Inject(KEY_MANAGEMENT_API) readonly keyManagement: Identifier | undefined,
    ) {
      super(authenticator);
    }

    getPassportInstance(): CredentialAuthenticator {
      return this.authenticator;
    }
  }
  return IdentifiedStrategy;
}

/** An API key as bearer. key-management knows them. */
@Injectable()
export class ApiKeyStrategy extends identifiedStrategy('api-key') {
  async validate({ credential, ...about }: CredentialQuestion): Promise<Principal | null> {
    if (credential.kind !== 'api_key') return null;
    return identify(this.keyManagement, credential, about);
  }
}

/** Both halves of a project key, as Basic. key-management knows them. */
@Injectable()
export class ProjectKeyStrategy extends identifiedStrategy('project-key') {
  async validate({ credential, ...about }: CredentialQuestion): Promise<Principal | null> {
    if (credential.kind !== 'project_key' || !hasSecretForm(credential.secret)) return null;
    return identify(this.keyManagement, credential, about);
  }
}

/** The cookie of a person's session. key-management keeps sessions. */
@Injectable()
export class SessionStrategy extends identifiedStrategy('session') {
  async validate({ credential, ...about }: CredentialQuestion): Promise<Principal | null> {
    if (credential.kind !== 'session' || credential.token === null) return null;
    return identify(this.keyManagement, { kind: 'session', token: credential.token }, about);
  }
}

/** Whom key-management finds behind a credential; null for nobody. */
async function identify(
  keyManagement: Identifier | undefined,
  credential: IdentifyPrincipalRequest['credential'],
  { organizationId, address, addressIsKnown }: Omit<CredentialQuestion, 'credential'>,
): Promise<Principal | null> {
  if (keyManagement === undefined) throw cannotTell(new Error('there is no key-management to ask who a caller is'));
  // An address that is not known is in no list of a key.
  const request = { credential, organizationId, address: addressIsKnown ? address : '' };
  const found = await keyManagement.identifyPrincipal(request).catch((cause: unknown) => {
    // A key-management of the release before does not know the question either: it is being replaced.
    throw cause instanceof InternalCallError ? cannotTell(cause) : cause;
  });
  switch (found.outcome) {
    case 'identified':
      return found.principal;
    case 'unknown':
      return null;
    case 'ip_not_allowed':
      throw new Problem('ip_not_allowed');
    default:
      return unreachable(found);
  }
}

function cannotTell(cause: unknown): Problem {
  return new Problem('service_unavailable', {
    detail: 'It cannot be found out at the moment who asks.',
    headers: { 'retry-after': '1' },
    cause,
  });
}
