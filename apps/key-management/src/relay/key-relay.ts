import { Inject, Injectable } from '@nestjs/common';
import type { KeySnapshot, OrganizationSnapshot } from '@tollgate/api-key';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import {
  KEYS_CHANGED_V1,
  LIMITS_CHANGED_V1,
  NOTICES_V1,
  USAGE_BILLING_API,
  type EndBudgetRequest,
  type EndOrganizationRequest,
  type EndSubscriptionsRequest,
  type UsageBillingApi,
} from '@tollgate/contracts';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { OutboxRelay, ServiceDatabase, type OutboxBacklog, type OutboxEffect } from '@tollgate/postgres';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { KeyMeter } from '../metrics.js';
import {
  END_BILLING,
  END_BUDGET,
  END_KEYS,
  END_SUBSCRIPTIONS,
  KEYS_SCHEMA,
  PUBLISH_CHANGE,
  WRITE_ORGANIZATION,
  WRITE_SNAPSHOT,
} from '../store/outbox-effects.js';
import { KeyStore, type SnapshotEntries } from '../store/key-store.js';
import { OrganizationStates } from '../store/organization-states.js';
import type { ApiKey } from '../keys/api-key/api-key.js';
import { organizationSnapshotOf } from '../organizations/organization.js';
import { endKeys } from './end-keys.js';

/** After this long without a written tombstone, a revoke is answered with 202. */
const SNAPSHOT_BOUND_MS = 2_000;
/** Organisations that are remembered as told; a forgotten one is told once more. */
const TOLD_MAX = 10_000;

/** Delivers committed changes: snapshots to the gateways, events to the bus. Each is retried until it succeeds. */
@Injectable()
export class KeyRelay {
  private readonly relay: OutboxRelay;

  constructor(
    database: ServiceDatabase,
    meter: KeyMeter,
    private readonly store: KeyStore,
    private readonly organizations: OrganizationStates,
    @Inject(KEY_SNAPSHOT_WRITER) snapshots: KeySnapshotWriter,
    @Inject(BUS_PUBLISHER) bus: BusPublisher,
    @Inject(USAGE_BILLING_API)
    usageBilling: Pick<UsageBillingApi, 'endBudget' | 'endOrganization' | 'endSubscriptions'>,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.relay = new OutboxRelay({
      database,
      schema: KEYS_SCHEMA,
      effects: {
        [WRITE_SNAPSHOT]: inOrder(
          withOrganizations(organizations, snapshots),
          writeNewest((snapshot: KeySnapshot) => snapshots.write(snapshot), meter),
        ),
        [WRITE_ORGANIZATION]: writeNewest((one: OrganizationSnapshot) => snapshots.writeOrganization(one), meter),
        [END_KEYS]: endKeys(store, () => this.relay.wake()),
        [PUBLISH_CHANGE]: published(bus, KEYS_CHANGED_V1),
        [NOTICES_V1]: published(bus, NOTICES_V1),
        [LIMITS_CHANGED_V1]: published(bus, LIMITS_CHANGED_V1),
        [END_BILLING]: async (rows) => {
          for (const { key, payload } of rows) await usageBilling.endOrganization(organizationEnd(key, payload));
        },
        [END_BUDGET]: async (rows) => {
          for (const { payload } of rows) await usageBilling.endBudget(JSON.parse(payload) as EndBudgetRequest);
        },
        [END_SUBSCRIPTIONS]: async (rows) => {
          for (const { payload } of rows)
            await usageBilling.endSubscriptions(JSON.parse(payload) as EndSubscriptionsRequest);
        },
      },
      onError: (err, what) => logger.warn({ err }, what),
    });
  }

  start(): void {
    this.relay.start();
  }

  stop(): Promise<void> {
    return this.relay.stop();
  }

  /** Looks for entries of a committed change at once, for whoever does not wait for them. */
  wake(): void {
    this.relay.wake();
  }

  /** Outbox entries that are not delivered yet. Rejects if the database cannot be reached. */
  backlog(): Promise<readonly OutboxBacklog[]> {
    return this.relay.backlog();
  }

  /**
   * Milliseconds for which the oldest change has waited that the gateways are not told of; 0 if none waits. Rejects if
   * the database cannot be reached.
   */
  oldestSnapshotMs(): Promise<number> {
    return this.relay.oldestMs([WRITE_SNAPSHOT, WRITE_ORGANIZATION]);
  }

  /**
   * Resolves with true once the snapshots of a committed change are written, or with false if that takes longer than
   * the bound; the relay then goes on trying. Never rejects: the change is committed, delivered or not.
   */
  async snapshotsWritten(entries: SnapshotEntries): Promise<boolean> {
    return entries.length === 0 || this.relay.delivered(entries, SNAPSHOT_BOUND_MS).catch(() => false);
  }

  /**
   * The same for a change of one key that may be repeated. A repetition, which writes nothing, waits for the snapshots
   * that the first one has left.
   */
  async changeWritten(key: ApiKey, written: SnapshotEntries): Promise<boolean> {
    return this.snapshotsWritten(written.length > 0 ? written : await this.store.unwrittenSnapshots(key));
  }

  /** The same for a change of what belongs to an organisation. */
  async organizationWritten(organizationId: string, written: SnapshotEntries): Promise<boolean> {
    return this.snapshotsWritten(
      written.length > 0 ? written : await this.organizations.unwrittenSnapshots(organizationId),
    );
  }
}

/** Entries of the release before have no payload. */
function organizationEnd(organizationId: string, payload: string): EndOrganizationRequest {
  return payload === '' ? { organizationId } : (JSON.parse(payload) as EndOrganizationRequest);
}

function inOrder(...effects: readonly OutboxEffect[]): OutboxEffect {
  return async (rows) => {
    for (const effect of effects) await effect(rows);
  };
}

/**
 * Stores the organisations of usable keys where there are none, before the keys: a gateway that finds a key without its
 * organisation must ask, and stands there in one queue with everybody who has invented a secret. Once told, an
 * organisation stays told: whoever loses the store's data puts all of them back.
 */
function withOrganizations(
  organizations: Pick<OrganizationStates, 'findAll'>,
  snapshots: Pick<KeySnapshotWriter, 'refillOrganization'>,
): OutboxEffect {
  const told = new Set<string>();
  return async (rows) => {
    const usable = rows.map((row) => JSON.parse(row.payload) as KeySnapshot).filter(({ state }) => state !== 'revoked');
    const untold = [...new Set(usable.map(({ organizationId }) => organizationId))].filter((id) => !told.has(id));
    if (untold.length === 0) return;
    const found = await organizations.findAll(untold);
    await Promise.all(found.map((each) => snapshots.refillOrganization(organizationSnapshotOf(each))));
    if (told.size + untold.length > TOLD_MAX) told.clear();
    for (const id of untold) told.add(id);
  };
}

/** If several versions of a snapshot wait, only the newest is written: it replaces the others. */
function writeNewest<Snapshot>(write: (snapshot: Snapshot) => Promise<void>, meter: KeyMeter): OutboxEffect {
  return async (rows) => {
    const newest = new Map(rows.map((row) => [row.key, row.payload]));
    await Promise.all(
      [...newest.values()].map((payload) => meter.snapshotWrite(() => write(JSON.parse(payload) as Snapshot))),
    );
  };
}

function published(bus: BusPublisher, topic: string): OutboxEffect {
  return (rows) =>
    bus.publish(
      topic,
      rows.map(({ key, payload }) => ({ key, value: payload })),
    );
}
