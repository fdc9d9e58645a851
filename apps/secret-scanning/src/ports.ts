import type { DynamicModule } from '@nestjs/common';
import type { Peppers } from '@tollgate/api-key';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import {
  KEY_MANAGEMENT_API,
  USAGE_BILLING_API,
  type KeyManagementApi,
  type UsageBillingApi,
} from '@tollgate/contracts';
import { MAIL_SENDER, type MailSender } from '@tollgate/mail';
import { DATABASE, type Database } from '@tollgate/postgres';
import { PortsModule } from '@tollgate/service';
import { LOGGER, METRICS_REGISTRY, type Logger, type Registry } from '@tollgate/telemetry';

/** Token of the `SecretScanningSettings`. */
export const SECRET_SCANNING_SETTINGS = Symbol('SECRET_SCANNING_SETTINGS');

/** The settings of secret-scanning that an operator chooses. */
export interface SecretScanningSettings {
  readonly githubPublicKeysUrl: string;
  /** Must be the peppers that key-management makes digests with. */
  readonly peppers: Peppers;
  /** Origin of the admin API as people reach it, for links in mails. If it is absent, the mails have no links. */
  readonly publicUrl?: string;
}

/** The connections and settings that secret-scanning needs when it runs as a process of its own. */
export interface SecretScanningPorts {
  /** Must be migrated with `secretScanningSchema`. The caller that opened it closes it, after the Nest application. */
  readonly database: Database;
  readonly keyManagement: Pick<KeyManagementApi, 'mayHaveImportedKeys' | 'revokeLeakedKeys'>;
  readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>;
  readonly bus: BusPublisher;
  readonly mail: MailSender;
  readonly settings: SecretScanningSettings;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** The ports of a process that is secret-scanning alone. The standalone has one module of ports for all services. */
export function distributedPorts(ports: SecretScanningPorts): DynamicModule {
  return PortsModule.of([
    { provide: DATABASE, useValue: ports.database },
    { provide: KEY_MANAGEMENT_API, useValue: ports.keyManagement },
    { provide: USAGE_BILLING_API, useValue: ports.usageBilling },
    { provide: BUS_PUBLISHER, useValue: ports.bus },
    { provide: MAIL_SENDER, useValue: ports.mail },
    { provide: SECRET_SCANNING_SETTINGS, useValue: ports.settings },
    { provide: LOGGER, useValue: ports.logger },
    { provide: METRICS_REGISTRY, useValue: ports.registry },
  ]);
}
