import type { DynamicModule } from '@nestjs/common';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import { USAGE_BILLING_API, type UsageBillingApi } from '@tollgate/contracts';
import { ADMIN_SECRET, SERVICE_SECRET } from '@tollgate/http';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { DATABASE, type Database } from '@tollgate/postgres';
import { PortsModule } from '@tollgate/service';
import { LOGGER, METRICS_REGISTRY, type Logger, type Registry } from '@tollgate/telemetry';

/** Token of the `KeyManagementSettings`. */
export const KEY_MANAGEMENT_SETTINGS = Symbol('KEY_MANAGEMENT_SETTINGS');

/** What an operator decides about key-management. */
export interface KeyManagementSettings {
  /** Digests of secrets are made under it. */
  readonly pepper: string;
  /** 8 characters of [0-9A-Za-z] in every new secret. */
  readonly keyMarker: string;
  /** Address of the first owner of every organisation. */
  readonly initOwnerEmail: string;
  /** How long a reply waits for the gateways to be told before it says that they are not; 2,000 by default. */
  readonly snapshotBoundMs?: number;
}

/** What key-management needs of the world in a process of its own. */
export interface KeyManagementPorts {
  /** Migrated with `keyManagementSchema`; closed by whoever opened it, after the Nest application. */
  readonly database: Database;
  readonly snapshots: KeySnapshotWriter;
  readonly bus: BusPublisher;
  readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>;
  readonly adminSecret: string;
  readonly serviceSecret: string;
  readonly settings: KeyManagementSettings;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** The ports of a process that is key-management alone. The standalone has one module of ports for all services. */
export function distributedPorts(ports: KeyManagementPorts): DynamicModule {
  return PortsModule.of([
    { provide: DATABASE, useValue: ports.database },
    { provide: KEY_SNAPSHOT_WRITER, useValue: ports.snapshots },
    { provide: BUS_PUBLISHER, useValue: ports.bus },
    { provide: USAGE_BILLING_API, useValue: ports.usageBilling },
    { provide: ADMIN_SECRET, useValue: ports.adminSecret },
    { provide: SERVICE_SECRET, useValue: ports.serviceSecret },
    { provide: KEY_MANAGEMENT_SETTINGS, useValue: ports.settings },
    { provide: LOGGER, useValue: ports.logger },
    { provide: METRICS_REGISTRY, useValue: ports.registry },
  ]);
}
