import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import type { BusPublisher } from '@tollgate/bus';
import { DEFAULT_ORGANIZATION_ID, type UsageBillingApi } from '@tollgate/contracts';
import { ADMIN_SECRET, AdminGuard, guardHeads } from '@tollgate/http';
import type { KeySnapshotWriter } from '@tollgate/key-snapshots';
import type { Database } from '@tollgate/postgres';
import type { Logger, Registry } from '@tollgate/telemetry';
import { ApiKeysController } from './api/api-keys.controller.js';
import { directKeyManagementApi, KEY_MANAGEMENT_API } from './api/key-management-api.js';
import { CreateKey } from './create-key/create-key.js';
import { KeySpendingLookup } from './list-keys/key-spending.js';
import { ListKeys } from './list-keys/list-keys.js';
import { KeyMeter, registerOutboxGauges } from './metrics.js';
import { CreateOrganization } from './organizations/create-organization.js';
import { OrganizationStore } from './organizations/organization-store.js';
import { OrganizationsController } from './organizations/organizations.controller.js';
import { Heartbeat } from './relay/heartbeat.js';
import { KeyRelay } from './relay/key-relay.js';
import { KeyLifecycle } from './relay/key-lifecycle.js';
import { RevokeKey } from './revoke-key/revoke-key.js';
import { LeaksReportedController } from './revoke-leaked-keys/leaks-reported.controller.js';
import { RevokeLeakedKeys } from './revoke-leaked-keys/revoke-leaked-keys.js';
import { KeyStore } from './store/key-store.js';
import { Members } from './store/members.js';
import { DigestLookUps } from './verify-key/digest-look-ups.js';
import { VerifyKey } from './verify-key/verify-key.js';

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
    const organizations = new OrganizationStore(dataSource);
    const members = new Members(dataSource);
    const relay = new KeyRelay({ dataSource, snapshots, bus, logger, meter, snapshotBoundMs: ports.snapshotBoundMs });
    registerOutboxGauges(registry, () => relay.backlog());
    const spending = new KeySpendingLookup(() => ports.usageBilling, logger);
    const revokeLeakedKeys = new RevokeLeakedKeys(store, members, relay, meter);
    const verifyKey = new VerifyKey(new DigestLookUps((digests) => store.lookUp(digests), meter), snapshots, logger);
    return {
      module: KeyManagementModule,
      controllers: [ApiKeysController, OrganizationsController, LeaksReportedController],
      providers: [
        { provide: ADMIN_SECRET, useValue: ports.adminSecret },
        ...guardHeads('/v1/api-keys', AdminGuard),
        ...guardHeads('/v1/organizations', AdminGuard),
        { provide: KEY_MANAGEMENT_API, useValue: directKeyManagementApi(verifyKey, store, revokeLeakedKeys) },
        instance(CreateKey, new CreateKey(store, relay, { marker: ports.keyMarker, pepper: ports.pepper })),
        instance(OrganizationStore, organizations),
        instance(CreateOrganization, new CreateOrganization(organizations, relay, ports.initOwnerEmail)),
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
