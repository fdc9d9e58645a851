import type { DynamicModule } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { BUS_PROGRESS, BUS_PUBLISHER, type BusProgress, type BusPublisher } from '@tollgate/bus';
import { KEY_MANAGEMENT_API, type KeyManagementApi } from '@tollgate/contracts';
import { ADMIN_SECRETS, SERVICE_SECRETS, type AcceptedSecrets } from '@tollgate/http';
import type { PlanEntry } from '@tollgate/config';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from '@tollgate/auth';
import { MAIL_SENDER, type MailSender } from '@tollgate/mail';
import { DATABASE, type Database } from '@tollgate/postgres';
import { SEALING, type Sealing } from '@tollgate/sealing';
import { PortsModule } from '@tollgate/service';
import { LOGGER, METRICS_REGISTRY, type Logger, type Registry } from '@tollgate/telemetry';
import type { PricedConfig } from './prices/price-list.js';

/** Token of the `UsageBillingSettings`. */
export const USAGE_BILLING_SETTINGS = Symbol('USAGE_BILLING_SETTINGS');

/** The settings of usage-billing that an operator chooses. */
export interface UsageBillingSettings {
  /** Milliseconds without a renewed lease after which a gateway counts as gone; 30,000 by default. */
  readonly goneAfterMs?: number;
  /**
   * Whole months before the present one whose usage events are kept, 1 to 24. Without it none is taken away, and events
   * from more than 24 months back are not booked.
   */
  readonly usageEventMonths?: number | undefined;
  /** What prices follow from; without it the book has the known ones alone. */
  readonly prices?: PricedConfig;
  /** Whether webhooks may be on loopback and private addresses, and by http. Default false. */
  readonly webhooksPrivateNetwork?: boolean;
  /** The plans of `config.yaml`; those in the database stay as they are where it is left out. */
  readonly plans?: readonly PlanEntry[];
  /** Days that usage by minute is kept; 14 by default. */
  readonly usageMinuteDays?: number;
  /** Days that usage by quarter-hour and hour is kept; 400 by default. */
  readonly usageHourDays?: number;
}

/** The connections and settings that usage-billing needs when it runs as a process of its own. */
export interface UsageBillingPorts {
  /** Must be migrated with `usageBillingSchema`. The caller that opened it closes it, after the Nest application. */
  readonly database: Database;
  readonly admission: AdmissionBooks;
  /** The bus server that delivers to this service's handlers. */
  readonly busProgress: BusProgress;
  readonly bus: BusPublisher;
  readonly mail: MailSender;
  /** Encrypts the secrets of webhooks. */
  readonly sealing: Sealing;
  /**
   * Says which ids belong to keys, whose a key or a session is, and what organisations have. Without it an unknown id
   * shows zero usage, like a key that was not used, only the admin secret is a credential, and nothing is granted.
   */
  readonly keyManagement?: Pick<KeyManagementApi, 'contacts' | 'knownKeys' | 'knownOwners' | 'identifyPrincipal'> &
    Partial<Pick<KeyManagementApi, 'createSubscriptionKey' | 'takeOrganizationTerms' | 'takeSubscriptionTerms'>>;
  readonly adminSecrets: AcceptedSecrets;
  readonly serviceSecrets: AcceptedSecrets;
  readonly adminApi: AdminApiSettings;
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
    { provide: BUS_PUBLISHER, useValue: ports.bus },
    { provide: MAIL_SENDER, useValue: ports.mail },
    { provide: SEALING, useValue: ports.sealing },
    ...(keyManagement === undefined ? [] : [{ provide: KEY_MANAGEMENT_API, useValue: keyManagement }]),
    { provide: ADMIN_SECRETS, useValue: ports.adminSecrets },
    { provide: SERVICE_SECRETS, useValue: ports.serviceSecrets },
    { provide: ADMIN_API_SETTINGS, useValue: ports.adminApi },
    { provide: USAGE_BILLING_SETTINGS, useValue: ports.settings },
    { provide: LOGGER, useValue: ports.logger },
    { provide: METRICS_REGISTRY, useValue: ports.registry },
  ]);
}
