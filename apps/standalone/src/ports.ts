import type { DynamicModule } from '@nestjs/common';
import { ADMISSION_BOOKS, type AdmissionBooks } from '@tollgate/admission';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from '@tollgate/auth';
import { BUS_PROGRESS, BUS_PUBLISHER, type InProcessBus } from '@tollgate/bus';
import { ADMIN_SECRETS, type AcceptedSecrets } from '@tollgate/http';
import { KEY_MANAGEMENT_SETTINGS, type KeyManagementSettings } from '@tollgate/key-management';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { MAIL_SENDER, type MailSender } from '@tollgate/mail';
import { DATABASE, type Database } from '@tollgate/postgres';
import { SEALING, type Sealing } from '@tollgate/sealing';
import { SECRET_SCANNING_SETTINGS, type SecretScanningSettings } from '@tollgate/secret-scanning';
import { PortsModule } from '@tollgate/service';
import { LOGGER, METRICS_REGISTRY, type Logger, type Registry } from '@tollgate/telemetry';
import { USAGE_BILLING_SETTINGS, type UsageBillingSettings } from '@tollgate/usage-billing';

/** The connections and settings of the standalone's services. All services share each of them. */
export interface StandalonePorts {
  readonly database: Database;
  readonly snapshots: KeySnapshotWriter;
  readonly admission: AdmissionBooks;
  readonly bus: InProcessBus;
  readonly mail: MailSender;
  readonly adminSecrets: AcceptedSecrets;
  readonly sealing: Sealing;
  readonly adminApi: AdminApiSettings;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly keyManagement: KeyManagementSettings;
  readonly usageBilling: UsageBillingSettings;
  readonly secretScanning: SecretScanningSettings;
}

/**
 * The ports of the standalone. `KEY_MANAGEMENT_API` and `USAGE_BILLING_API` are not among them, because the services
 * provide these to each other. There is no service secret, because there is no internal API over HTTP.
 */
export function standalonePorts(ports: StandalonePorts): DynamicModule {
  return PortsModule.of([
    { provide: DATABASE, useValue: ports.database },
    { provide: KEY_SNAPSHOT_WRITER, useValue: ports.snapshots },
    { provide: ADMISSION_BOOKS, useValue: ports.admission },
    { provide: BUS_PUBLISHER, useValue: ports.bus.publisher },
    { provide: BUS_PROGRESS, useValue: ports.bus.server },
    { provide: MAIL_SENDER, useValue: ports.mail },
    { provide: ADMIN_SECRETS, useValue: ports.adminSecrets },
    { provide: SEALING, useValue: ports.sealing },
    { provide: ADMIN_API_SETTINGS, useValue: ports.adminApi },
    { provide: LOGGER, useValue: ports.logger },
    { provide: METRICS_REGISTRY, useValue: ports.registry },
    { provide: KEY_MANAGEMENT_SETTINGS, useValue: ports.keyManagement },
    { provide: USAGE_BILLING_SETTINGS, useValue: ports.usageBilling },
    { provide: SECRET_SCANNING_SETTINGS, useValue: ports.secretScanning },
  ]);
}
