import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '@tollgate/auth';
import { digestsUnder, generateSecret, maskSecret, pepperIds, type Secret } from '@tollgate/api-key';
import { unreachable } from '@tollgate/errors';
import { Problem, type Precondition } from '@tollgate/http';
import { ServiceDatabase } from '@tollgate/postgres';
import type { EntityManager } from 'typeorm';
import { KeyMeter } from '../../metrics.js';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '../../ports.js';
import { KeyRelay } from '../../relay/key-relay.js';
import { KeyStore, type ChangedKeys, type SnapshotEntries } from '../../store/key-store.js';
import type { ApiKey } from '../api-key/api-key.js';
import type { ChangedKey } from '../api-key/changed-key.js';
import { keyEnded } from '../api-key/key-ended.js';
import { demandGrant, demandHandling, raisedReachOf } from '../grant-key/key-givers.js';
import { LastingGivers } from '../grant-key/lasting-givers.js';
import type { RotateKeyRequest } from './rotate-key.request.js';
import { rotated, withSecretsEnded, type RotationResult } from './rotation.js';

/** A key with its new secret, which is shown once. */
export interface RotatedKey {
  readonly key: ApiKey;
  readonly secret: Secret;
  readonly written: SnapshotEntries;
}

/** Gives keys new secrets, and ends the ones before. The new secret is in the result and is stored nowhere. */
@Injectable()
export class RotateKey {
  constructor(
    private readonly database: ServiceDatabase,
    private readonly store: KeyStore,
    private readonly givers: LastingGivers,
    private readonly relay: KeyRelay,
    private readonly meter: KeyMeter,
    @Inject(KEY_MANAGEMENT_SETTINGS) private readonly settings: Pick<KeyManagementSettings, 'keyMarker' | 'peppers'>,
  ) {}

  /**
   * Refuses whoever may not rotate the key: its new secret does all that the key can, so they must be able to give all
   * of that. It is asked before an earlier answer is given again, too.
   * @throws {Problem} `api_key_not_found`, `access_denied`
   */
  async demandMayRotate(organizationId: string, id: string, actor: Actor, now: Date): Promise<void> {
    const key = await this.store.find(organizationId, id);
    if (key === null) throw new Problem('api_key_not_found');
    await this.database.inOrganization(organizationId, async (manager) => {
      demandGrant(await this.givers.giverNow(manager, organizationId, actor, now), raisedReachOf(key, now), null);
      demandHandling(await this.givers.handlerOf(manager, actor), key);
    });
  }

  /**
   * Gives the key a new secret in the caller's transaction. Once that is committed, call `announced`.
   * @throws {Problem} `api_key_not_found`, `access_denied`, `precondition_failed`, `api_key_ended`, `rotation_open`
   */
  async execute(
    manager: EntityManager,
    organizationId: string,
    id: string,
    { grace_period_seconds: gracePeriodSeconds, end_when_idle_seconds: endWhenIdleSeconds }: RotateKeyRequest,
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<RotatedKey> {
    const giver = await this.givers.giverNow(manager, organizationId, actor, now);
    const handler = await this.givers.handlerOf(manager, actor);
    const { peppers, keyMarker } = this.settings;
    const secrets: Secret[] = [];
    const changed = await this.store.changeIn(
      manager,
      organizationId,
      [id],
      (before) => {
        demandPresent(before, precondition);
        demandGrant(giver, raisedReachOf(before, now), null);
        demandHandling(handler, before);
        const made = generateSecret(keyMarker, before.kind === 'subscription' ? 'sk-sub-' : 'sk-');
        const result = rotated(
          before,
          randomUUID(),
          // While a pepper is being replaced, gateways that were not replaced yet know the previous one alone.
          { digests: digestsUnder(made.reveal(), peppers), maskedKey: maskSecret(made) },
          { gracePeriodSeconds, endWhenIdleSeconds },
          now,
        );
        const key = rotatedOrRefused(result);
        secrets.push(made);
        const details = { grace_period_seconds: String(gracePeriodSeconds) };
        return { change: 'rotated', key, actor, details, at: now };
      },
      pepperIds(peppers),
    );
    const [[key], [secret]] = [changed.keys, secrets];
    if (key === undefined || secret === undefined) throw new Problem('api_key_not_found');
    return { key, secret, written: changed.written };
  }

  /**
   * Ends every secret of a key but the present one. It may be repeated: where no other secret can be used, nothing
   * changes. Resolves when Postgres has committed and the tombstones are written, or 2 s have passed.
   * @throws {Problem} `api_key_not_found`, `precondition_failed`, `role_above_own`, `api_key_ended`
   */
  async finish(
    organizationId: string,
    id: string,
    precondition: Precondition,
    actor: Actor,
    now: Date,
  ): Promise<ChangedKey> {
    const begun = performance.now();
    const { keys, written }: ChangedKeys = await this.database.inOrganization(organizationId, async (manager) => {
      const handler = await this.givers.handlerOf(manager, actor);
      return this.store.changeIn(manager, organizationId, [id], (before) => {
        demandPresent(before, precondition);
        demandHandling(handler, before);
        if (before.revocation !== null) throw keyEnded('revoked');
        const key = withSecretsEnded(before, 'finished', () => true, now);
        return key && { change: 'rotation_finished', key, actor, details: {}, at: now };
      });
    });
    const [key] = keys;
    if (key === undefined) throw new Problem('api_key_not_found');
    const everywhere = await this.relay.changeWritten(key, written);
    this.meter.revokeAnswered(everywhere, (performance.now() - begun) / 1_000);
    return { key, everywhere };
  }

  /** Resolves with whether the snapshots of committed changes were written in time. */
  announced(written: SnapshotEntries): Promise<boolean> {
    return this.relay.snapshotsWritten(written);
  }
}

/** A deleted key is hidden, like one that never was. */
function demandPresent(key: ApiKey, precondition: Precondition): void {
  if (key.deletedAt !== null) throw new Problem('api_key_not_found');
  precondition.holdsFor(key.version);
}

function rotatedOrRefused(result: RotationResult): ApiKey {
  switch (result.kind) {
    case 'rotated':
      return result.key;
    case 'revoked':
      throw keyEnded('revoked');
    case 'expired':
      throw keyEnded('expired');
    case 'open':
      throw new Problem('rotation_open');
    default:
      return unreachable(result);
  }
}
