import type { DynamicModule } from '@nestjs/common';
import type { Peppers } from '@tollgate/api-key';
import { BUS_PUBLISHER, type BusPublisher } from '@tollgate/bus';
import { USAGE_BILLING_API, type UsageBillingApi } from '@tollgate/contracts';
import { ADMIN_SECRETS, SERVICE_SECRETS, type AcceptedSecrets } from '@tollgate/http';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from '@tollgate/auth';
import { KEY_SNAPSHOT_WRITER, type KeySnapshotWriter } from '@tollgate/key-snapshots';
import { MAIL_SENDER, type MailSender } from '@tollgate/mail';
import type { TollgateConfig } from '@tollgate/config';
import { DATABASE, type Database } from '@tollgate/postgres';
import { SEALING, type Sealing } from '@tollgate/sealing';
import { PortsModule } from '@tollgate/service';
import { LOGGER, METRICS_REGISTRY, type Logger, type Registry } from '@tollgate/telemetry';

/** Token of the `KeyManagementSettings`. */
export const KEY_MANAGEMENT_SETTINGS = Symbol('KEY_MANAGEMENT_SETTINGS');

/** How long sessions of people last. */
interface SessionSettings {
  /** A session that is not used for this long ends. */
  readonly idleMs: number;
  /** A session ends at this age, however much it is used. */
  readonly lifeMs: number;
}

/** The settings of key-management that an operator chooses. */
export interface KeyManagementSettings {
  /** The secrets that digests of keys are made with. */
  readonly peppers: Peppers;
  /** 8 characters of [0-9A-Za-z] in every new secret. */
  readonly keyMarker: string;
  /** Address of the first owner of every organisation, in its normal form. */
  readonly initOwnerEmail: string;
  /** The first password of that owner; null if they are to sign in by a link. */
  readonly initOwnerPassword: string | null;
  readonly sessions: SessionSettings;
  /** Whether the identity providers of organisations may be on loopback and private addresses. */
  readonly oidcPrivateNetwork: boolean;
  /** Whether apps may ask people for keys without a challenge, so that whoever sees a code can use it. */
  readonly oauthWithoutChallenge: boolean;
  /** Servers that records of domains are looked up at; none means those of the host. */
  readonly dnsServers: readonly string[];
  /** What config.yaml says of routes and of what is behind them. */
  readonly config: RoutingConfig;
}

/** The part of config.yaml that says what a model's name leads to. */
interface RoutingConfig
  extends Pick<TollgateConfig, 'routes' | 'prices'>, Partial<Pick<TollgateConfig, 'defaultPrice' | 'providers'>> {
  /**
   * The names of the providers that requests can be sent to; null if this process cannot tell, since their credentials
   * are the gateways' alone.
   */
  readonly reachableProviders: ReadonlySet<string> | null;
}

/** The connections and settings that key-management needs when it runs as a process of its own. */
export interface KeyManagementPorts {
  /** Must be migrated with `keyManagementSchema`. The caller that opened it closes it, after the Nest application. */
  readonly database: Database;
  readonly snapshots: KeySnapshotWriter;
  readonly bus: BusPublisher;
  readonly usageBilling: Pick<
    UsageBillingApi,
    | 'spendingByKey'
    | 'loadAccount'
    | 'subscriptionOfKey'
    | 'endBudget'
    | 'endOrganization'
    | 'endSubscriptions'
    | 'accountBalances'
  >;
  readonly adminSecrets: AcceptedSecrets;
  readonly serviceSecrets: AcceptedSecrets;
  readonly sealing: Sealing;
  readonly mail: MailSender;
  readonly adminApi: AdminApiSettings;
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
    { provide: ADMIN_SECRETS, useValue: ports.adminSecrets },
    { provide: SERVICE_SECRETS, useValue: ports.serviceSecrets },
    { provide: SEALING, useValue: ports.sealing },
    { provide: MAIL_SENDER, useValue: ports.mail },
    { provide: ADMIN_API_SETTINGS, useValue: ports.adminApi },
    { provide: KEY_MANAGEMENT_SETTINGS, useValue: ports.settings },
    { provide: LOGGER, useValue: ports.logger },
    { provide: METRICS_REGISTRY, useValue: ports.registry },
  ]);
}
