import { Inject, Injectable } from '@nestjs/common';
import { checkAddress } from '@tollgate/access';
import { compileAllowedIps, digestsUnder, hasSecretForm } from '@tollgate/api-key';
import { SESSION_DIRECTORY, type SessionDirectory } from '@tollgate/auth';
import type { IdentifiedPrincipal, IdentifyPrincipalRequest } from '@tollgate/contracts';
import { unreachable } from '@tollgate/errors';
import { isUsable } from '../keys/api-key/api-key.js';
import { snapshotOf } from '../keys/api-key/snapshot-of.js';
import { DigestLookUps } from '../keys/verify-key/digest-look-ups.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../ports.js';

const UNKNOWN: IdentifiedPrincipal = { outcome: 'unknown' };

/** Finds out whose a credential is, for the admin API of every service. */
@Injectable()
export class IdentifyPrincipal {
  constructor(
    private readonly lookUps: DigestLookUps,
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
      case 'session': {
        const principal = await this.sessions.identify(credential.token, organizationId, now.getTime());
        return principal === null ? UNKNOWN : { outcome: 'identified', principal };
      }
      default:
        return unreachable(credential);
    }
  }

  /** The same rules in the same order as at the gateway: checksum, digest, state, secret, expiry, network. */
  private async keyOf(secret: string, address: string, now: Date): Promise<IdentifiedPrincipal> {
    if (!hasSecretForm(secret)) return UNKNOWN;
    const digests = digestsUnder(secret, this.settings.peppers);
    // Under all peppers in one turn, and so by one query.
    const found = await Promise.all(digests.map((digest) => this.lookUps.find(digest)));
    const { key, organization, secret: shown } = found.find((each) => each !== null) ?? {};
    // The keys of a deleted organisation end one after another; none of them opens anything meanwhile.
    if (key === undefined || shown === undefined || organization?.deletedAt !== null) return UNKNOWN;
    const snapshot = snapshotOf(key);
    if (snapshot.state === 'revoked' || !isUsable(shown, now)) return UNKNOWN;
    if (snapshot.expiresAtMs !== null && snapshot.expiresAtMs <= now.getTime()) return UNKNOWN;
    const { apiKeyId, organizationId, scopes, allowedIps } = snapshot;
    const allowsAddress = allowedIps === null ? null : compileAllowedIps(allowedIps);
    if (checkAddress({ allowsAddress }, address) !== null) return { outcome: 'ip_not_allowed' };
    return { outcome: 'identified', principal: { kind: 'api_key', apiKeyId, organizationId, scopes } };
  }
}
