import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import type { BusPublisher } from '@tollgate/bus';
import type { UsageBillingApi } from '@tollgate/contracts';
import { ADMIN_SECRET, AdminGuard, guardHeads } from '@tollgate/http';
import type { KeySnapshotWriter } from '@tollgate/key-snapshots';
import type { Database } from '@tollgate/postgres';
import type { Logger, Registry } from '@tollgate/telemetry';
import { ApiKeysController } from './keys/api-keys.controller.js';
import { directKeyManagementApi, KEY_MANAGEMENT_API } from './internal-api/direct-key-management-api.js';
import { CreateKey } from './keys/create-key/create-key.js';
import { KeySpendingLookup } from './keys/list-keys/key-spending.js';
import { ListKeys } from './keys/list-keys/list-keys.js';
import { KeyMeter, registerOutboxGauges } from './metrics.js';
import { Heartbeat } from './relay/heartbeat.js';
import { KeyRelay } from './relay/key-relay.js';
import { KeyLifecycle } from './relay/key-lifecycle.js';
import { RevokeKey } from './keys/revoke-key/revoke-key.js';
import { LeaksReportedController } from './keys/revoke-leaked-keys/leaks-reported.controller.js';
import { RevokeLeakedKeys } from './keys/revoke-leaked-keys/revoke-leaked-keys.js';
import { DEFAULT_ORGANIZATION_ID } from './store/default-organization.js';
import { KeyStore } from './store/key-store.js';
import { Members } from './store/members.js';
import { DigestLookUps } from './keys/verify-key/digest-look-ups.js';
import { VerifyKey } from './keys/verify-key/verify-key.js';

/** What key-management needs of the world. */
export interface KeyManagementPorts {
  /** Migrated with `keyManagementSchema`; closed by whoever opened it, after the Nest application. */
  readonly database: Database;
  readonly snapshots: KeySnapshotWriter;
  readonly bus: BusPublisher;
  /** Read at each call, so it may be a getter: in one process the modules refer to one another. */
  readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>;
  readonly adminSecret: string;
  readonly pepper: string;
  /** 8 characters of [0-9A-Za-z] in every new secret. */
  readonly keyMarker: string;
  readonly initOwnerEmail: string;
  readonly logger: Logger;
  readonly registry: Registry;
  /** How long a reply waits for the gateways to be told before it says that they are not; 2,000 by default. */
  readonly snapshotBoundMs?: number;
}

/** The service without its listeners: admin API, bus handlers, relay; exports `KEY_MANAGEMENT_API`. */
@Module({})
export class KeyManagementModule {
  static register(ports: KeyManagementPorts): DynamicModule {
    const {
      database: { dataSource, lookUps },
      snapshots,
      bus,
      logger,
      registry,
    } = ports;
    const meter = new KeyMeter(registry);
    const store = new KeyStore(dataSource, lookUps);
    const members = new Members(dataSource);
    const relay = new KeyRelay({ dataSource, snapshots, bus, logger, meter, snapshotBoundMs: ports.snapshotBoundMs });
    registerOutboxGauges(registry, () => relay.backlog());
    const spending = new KeySpendingLookup(() => ports.usageBilling, logger);
    const revokeLeakedKeys = new RevokeLeakedKeys(store, members, relay, meter);
    const verifyKey = new VerifyKey(new DigestLookUps((digests) => store.lookUp(digests), meter), snapshots, logger);
    return {
      module: KeyManagementModule,
      controllers: [ApiKeysController, LeaksReportedController],
      providers: [
        { provide: ADMIN_SECRET, useValue: ports.adminSecret },
        ...guardHeads('/v1/api-keys', AdminGuard),
        { provide: KEY_MANAGEMENT_API, useValue: directKeyManagementApi(verifyKey, store, revokeLeakedKeys) },
        instance(CreateKey, new CreateKey(store, relay, { marker: ports.keyMarker, pepper: ports.pepper })),
        instance(KeySpendingLookup, spending),
        instance(KeyMeter, meter),
        instance(ListKeys, new ListKeys(store, spending)),
        instance(RevokeKey, new RevokeKey(store, relay)),
        instance(RevokeLeakedKeys, revokeLeakedKeys),
        instance(
          KeyLifecycle,
          new KeyLifecycle(members, relay, new Heartbeat(snapshots, logger), {
            organizationId: DEFAULT_ORGANIZATION_ID,
            email: ports.initOwnerEmail,
          }),
        ),
      ],
      exports: [KEY_MANAGEMENT_API],
    };
  }
}

/** By a factory: Nest calls the life-cycle hooks of what a factory made. */
function instance<T extends object>(provide: Type<T>, value: T): Provider {
  return { provide, useFactory: () => value };
}
