import { Inject, Injectable } from '@nestjs/common';
import { checkAddress } from '@tollgate/access';
import { allDigestsOf, compileAllowedIps, digestsUnder, hasSecretForm } from '@tollgate/api-key';
import { SESSION_DIRECTORY, type SessionDirectory } from '@tollgate/auth';
import type { IdentifiedPrincipal, IdentifyPrincipalRequest } from '@tollgate/contracts';
import { unreachable } from '@tollgate/errors';
import { sameSecret } from '@tollgate/http';
import { isUsable, stateOf, type ApiKey } from '../keys/api-key/api-key.js';
import { DigestLookUps } from '../keys/verify-key/digest-look-ups.js';
import { ImportedKeys } from '../store/imported-keys.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';

const UNKNOWN: IdentifiedPrincipal = { outcome: 'unknown' };

/** Finds out whose a credential is, for the admin API of every service. */
@Injectable()
export class IdentifyPrincipal {
  constructor(
    private readonly lookUps: DigestLookUps,
    private readonly imported: ImportedKeys,
    @Inject(SESSION_DIRECTORY) private readonly sessions: SessionDirectory,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: Pick<KeyManagementSettings, 'peppers'>,
  ) {}

  /** Throws if Postgres cannot be reached or too many look-ups wait. */
  async execute(
    { credential, organizationId, address }: IdentifyPrincipalRequest,
    now: Date,
  ): Promise<IdentifiedPrincipal> {
    switch (credential.kind) {
      case 'api_key':
        return this.keyOf(credential.secret, address, now);
      case 'project_key':
        return this.projectKeyOf(credential.publicKey, credential.secret, address, now);
      case 'session': {
        const principal = await this.sessions.identify(credential.token, organizationId, now.getTime());
        return principal === null ? UNKNOWN : { outcome: 'identified', principal };
      }
      default:
        return unreachable(credential);
    }
  }

  /** Any key by its secret alone. Of a project key that is half, and opens nothing: it has no scopes. */
  private async keyOf(secret: string, address: string, now: Date): Promise<IdentifiedPrincipal> {
    const key = await this.liveKeyOf(secret, now);
    return key === null ? UNKNOWN : identified(key, address, {});
  }

  /**
   * A project key by both halves, which must be of one key. The secret finds the key; the public key, which is no
   * secret, is compared in a time that depends on neither, so that nobody learns of which project a secret is.
   */
  private async projectKeyOf(
    publicKey: string,
    secret: string,
    address: string,
    now: Date,
  ): Promise<IdentifiedPrincipal> {
    const key = await this.liveKeyOf(secret, now);
    if (key === null || key.kind !== 'project' || key.publicKey === null || key.projectId === null) return UNKNOWN;
    return sameSecret(publicKey, key.publicKey) ? identified(key, address, { projectId: key.projectId }) : UNKNOWN;
  }

  /** What the key of a secret can be known by; nothing for what no key has. */
  private digestsOf(secret: string): readonly string[] {
    if (this.imported.mayExist()) return allDigestsOf(secret, this.settings.peppers);
    return hasSecretForm(secret) ? digestsUnder(secret, this.settings.peppers) : [];
  }

  /** By the same rules in the same order as at the gateway: checksum, digest, state, expiry. Null for no live key. */
  private async liveKeyOf(secret: string, now: Date): Promise<ApiKey | null> {
    const digests = this.digestsOf(secret);
    if (digests.length === 0) return null;
    // Under all peppers in one turn, and so by one query.
    const found = await Promise.all(digests.map((digest) => this.lookUps.find(digest)));
    const { key, organization, secret: shown } = found.find((each) => each !== null) ?? {};
    // The keys of a deleted organisation end one after another; none of them opens anything meanwhile.
    if (key === undefined || shown === undefined || organization?.deletedAt !== null) return null;
    return stateOf(key, now) === 'active' && isUsable(shown, now) ? key : null;
  }
}

/** A key at an address; last comes the network, as at the gateway. */
function identified(
  { id: apiKeyId, organizationId, scopes, allowedIps, projectId, groupIds }: ApiKey,
  address: string,
  more: { readonly projectId?: string },
): IdentifiedPrincipal {
  const allowsAddress = allowedIps === null ? null : compileAllowedIps(allowedIps);
  if (checkAddress({ allowsAddress }, address) !== null) return { outcome: 'ip_not_allowed' };
  const isBound = projectId !== null || groupIds.length > 0;
  const bound = isBound ? { boundBy: { projectId, groupIds: [...groupIds] } } : {};
  return { outcome: 'identified', principal: { kind: 'api_key', apiKeyId, organizationId, scopes, ...more, ...bound } };
}
