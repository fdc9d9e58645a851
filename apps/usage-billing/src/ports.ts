import type { DynamicModule } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { BUS_PROGRESS, type BusProgress } from '@tollgate/bus';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { ADMIN_SECRET, SERVICE_SECRET } from '@tollgate/http';
import { DATABASE, type Database } from '@tollgate/postgres';
import { PortsModule } from '@tollgate/service';
import { LOGGER, METRICS_REGISTRY, type Logger, type Registry } from '@tollgate/telemetry';

/** Token of the `UsageBillingSettings`. */
export const USAGE_BILLING_SETTINGS = Symbol('USAGE_BILLING_SETTINGS');

/** What an operator decides about usage-billing. */
export interface UsageBillingSettings {
  /** A gateway whose lease stands still for this long is gone, and its holds are resolved. Default 30,000. */
  readonly goneAfterMs?: number;
}

/** What usage-billing needs of the world in a process of its own. */
export interface UsageBillingPorts {
  /** Migrated with `usageBillingSchema`; closed by whoever opened it, after the Nest application. */
  readonly database: Database;
  readonly admission: AdmissionBooks;
  /** The bus server that this service's handlers listen on. */
  readonly busProgress: BusProgress;
  /** Asked which ids are of keys; without it an id that was never charged reads as a key that was not used. */
  readonly keyManagement?: Pick<KeyManagementApi, 'knownKeys'>;
  readonly adminSecret: string;
  readonly serviceSecret: string;
  readonly settings: UsageBillingSettings;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** The ports of a process that is usage-billing alone. The standalone has one module of ports for all services. */
export function distributedPorts({ keyManagement, ...ports }: UsageBillingPorts): DynamicModule {
  return PortsModule.of([
    { provide: DATABASE, useValue: ports.database },
    { provide: ADMISSION_BOOKS, useValue: ports.admission },
    { provide: BUS_PROGRESS, useValue: ports.busProgress },
    ...(keyManagement === undefined ? [] : [{ provide: KEY_MANAGEMENT_API, useValue: keyManagement }]),
    { provide: ADMIN_SECRET, useValue: ports.adminSecret },
    { provide: SERVICE_SECRET, useValue: ports.serviceSecret },
    { provide: USAGE_BILLING_SETTINGS, useValue: ports.settings },
    { provide: LOGGER, useValue: ports.logger },
    { provide: METRICS_REGISTRY, useValue: ports.registry },
  ]);
}
