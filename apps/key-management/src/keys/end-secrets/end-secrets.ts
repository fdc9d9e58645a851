import { Inject, Injectable } from '@nestjs/common';
import { NOBODY } from '@tollgate/auth';
import { USAGE_BILLING_API, type UsageBillingApi } from '@tollgate/contracts';
import { Periodic } from '@tollgate/periodic';
import { ServiceDatabase } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { KeyStore } from '../../store/key-store.js';
import { presentSecret, type ApiKey, type KeySecret } from '../api-key/api-key.js';
import { withSecretsEnded } from '../rotate-key/rotation.js';

/** Gateways refuse a secret to the second at which its grace period ends: this makes it final, and shows it. */
const EVERY_MS = 10_000;
/** Keys changed in one transaction. It is small, so that a concurrent revoke never waits long for the row locks. */
const KEYS_PER_TRANSACTION = 100;
/** Uses are told some seconds later. So much is added to the time for which a secret must have been idle. */
const TOLD_LATE_MS = 15_000;

/** A key with a former secret whose time may be over. */
interface Candidate {
  readonly organizationId: string;
  readonly apiKeyId: string;
}

interface LastUse {
  readonly secretId: string;
  readonly at: Date;
}

/**
 * Ends former secrets of rotated keys whose grace period is over, or that were not used for as long as their owner has
 * chosen. Several processes may do it at once.
 */
@Injectable()
export class EndSecrets {
  private readonly periodic = new Periodic(() => this.run(), { everyMs: EVERY_MS, background: true });

  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: KeyStore,
    @Inject(USAGE_BILLING_API) private readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  start(): void {
    this.periodic.start();
  }

  stop(): Promise<void> {
    return this.periodic.stop();
  }

  /** Ends the secrets whose time is over at `now`; resolves with how many keys changed. */
  async end(now: Date): Promise<number> {
    let changed = 0;
    let after = '';
    for (;;) {
      const candidates = await this.candidates(now, after);
      for (const [organizationId, ids] of byOrganization(candidates))
        changed += await this.endOf(organizationId, ids, now);
      after = candidates.at(-1)?.apiKeyId ?? '';
      if (candidates.length < KEYS_PER_TRANSACTION) return changed;
    }
  }

  private async endOf(organizationId: string, ids: readonly string[], now: Date): Promise<number> {
    const uses = await this.lastUses(organizationId, ids);
    let changed = 0;
    await this.store.change(organizationId, ids, (key) => {
      if (key.revocation !== null) return null;
      const reason = key.secrets.some((secret) => isOver(secret, now)) ? 'grace' : 'idle';
      const after = withSecretsEnded(
        key,
        reason,
        (secret) => isOver(secret, now) || isIdle(key, secret, uses.get(key.id) ?? null, now),
        now,
      );
      if (after === null) return null;
      changed += 1;
      return { change: 'secret_ended', key: after, actor: NOBODY, details: { because: BECAUSE[reason] }, at: now };
    });
    return changed;
  }

  /**
   * When the secrets of keys were used last, by key; a key is left out while that is not known for certain: where
   * usage-billing cannot be asked, or knows of uses that it has not told yet, its secrets are not called idle.
   */
  private async lastUses(organizationId: string, ids: readonly string[]): Promise<Map<string, readonly LastUse[]>> {
    try {
      const spending = await this.usageBilling.spendingByKey(organizationId, ids);
      const lastUseOf = new Map(spending.map(({ apiKeyId, lastUsedAt }) => [apiKeyId, lastUsedAt]));
      const told = await this.toldUses(organizationId, ids);
      const known = ids.filter((id) => {
        const last = lastUseOf.get(id);
        if (last === undefined) return false;
        return last === null || (told.get(id) ?? []).some(({ at }) => at >= new Date(last));
      });
      return new Map(known.map((id) => [id, told.get(id) ?? []]));
    } catch (err) {
      this.logger.debug({ err }, 'usage-billing did not say when secrets were used: none of them counts as idle');
      return new Map();
    }
  }

  /** Index: api_key_secret_use_pk. */
  private async toldUses(organizationId: string, ids: readonly string[]): Promise<Map<string, LastUse[]>> {
    const rows = await this.database.inOrganization(organizationId, (manager) =>
      manager.query<{ api_key_id: string; secret_id: string; last_used_at: Date }[]>(
        `SELECT api_key_id, secret_id, last_used_at FROM keys.api_key_secret_use
         WHERE organization_id = $1 AND api_key_id = ANY($2::uuid[])`,
        [organizationId, ids],
      ),
    );
    const uses = new Map<string, LastUse[]>();
    for (const { api_key_id: id, secret_id: secretId, last_used_at: at } of rows)
      uses.set(id, [...(uses.get(id) ?? []), { secretId, at }]);
    return uses;
  }

  /**
   * Keys behind an id with a former secret whose grace period is over, or that was not used for long enough, as far as
   * its use has been told. Indexes: api_key_secret_ending, api_key_secret_by_key, api_key_secret_use_pk, api_key_pk.
   */
  private async candidates(now: Date, after: string): Promise<Candidate[]> {
    const rows = await this.database.acrossOrganizations((manager) =>
      manager.query<{ organization_id: string; api_key_id: string }[]>(
        `SELECT DISTINCT s.organization_id, s.api_key_id FROM keys.api_key_secret AS s
         JOIN keys.api_key AS k ON k.id = s.api_key_id AND k.revoked_at IS NULL
         CROSS JOIN LATERAL (SELECT max(created_at) AS rotated_at FROM keys.api_key_secret WHERE api_key_id = s.api_key_id) AS present
         LEFT JOIN keys.api_key_secret_use AS u
           ON u.organization_id = s.organization_id AND u.api_key_id = s.api_key_id AND u.secret_id = coalesce(s.secret_id, s.api_key_id)
         WHERE s.ends_at IS NOT NULL AND s.ended_at IS NULL AND ($2 = '' OR s.api_key_id > nullif($2, '')::uuid)
           AND (s.ends_at <= $1 OR greatest(u.last_used_at, present.rotated_at) + s.end_when_idle_seconds * interval '1 second' <= $1)
         ORDER BY s.api_key_id LIMIT $3`,
        [now, after, KEYS_PER_TRANSACTION],
      ),
    );
    return rows.map((row) => ({ organizationId: row.organization_id, apiKeyId: row.api_key_id }));
  }

  private async run(): Promise<void> {
    try {
      const keys = await this.end(new Date());
      if (keys > 0) this.logger.info({ keys }, 'former secrets of rotated keys have ended');
    } catch (err) {
      this.logger.warn(
        { err },
        'former secrets of rotated keys could not be ended; gateways refuse those that are over',
      );
    }
  }
}

const BECAUSE = {
  grace: 'the grace period is over',
  idle: 'the former secret was not used for as long as its owner has chosen',
} as const;

const isOver = ({ end, endsAt }: KeySecret, now: Date): boolean => end === null && endsAt !== null && endsAt <= now;

/**
 * Whether a former secret was idle for as long as its owner has chosen, counted from the rotation on. `uses` are those
 * of all secrets of the key; null while they are not known for certain.
 */
function isIdle(key: ApiKey, secret: KeySecret, uses: readonly LastUse[] | null, now: Date): boolean {
  if (uses === null || secret.endWhenIdleSeconds === null) return false;
  const rotatedAt = presentSecret(key).createdAt.getTime();
  const usedAt = uses.find(({ secretId }) => secretId === secret.id)?.at.getTime() ?? 0;
  return Math.max(rotatedAt, usedAt) + secret.endWhenIdleSeconds * 1_000 + TOLD_LATE_MS <= now.getTime();
}

function byOrganization(candidates: readonly Candidate[]): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const { organizationId, apiKeyId } of candidates)
    ids.set(organizationId, [...(ids.get(organizationId) ?? []), apiKeyId]);
  return ids;
}
