import {
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
  type Type,
} from '@nestjs/common';
import type { BusPublisher } from '@tollgate/bus';
import type { KeyManagementApi, UsageBillingApi } from '@tollgate/contracts';
import { guardHeads } from '@tollgate/http';
import type { MailSender } from '@tollgate/mail';
import type { Database, OutboxRelay } from '@tollgate/postgres';
import type { Logger, Registry } from '@tollgate/telemetry';
import { leakRelay } from './escalate/leak-relay.js';
import { UnansweredFindings } from './escalate/unanswered-findings.js';
import { KEY_MANAGEMENT, KeysChangedController } from './follow-key-changes/keys-changed.controller.js';
import { fetchPublicKeys } from './origins/github/fetch-public-keys.js';
import { GithubPublicKeys } from './origins/github/public-keys.js';
import { MailRun } from './owner-mail/mail-run.js';
import { registerScanningGauges, ScanningMeter } from './metrics.js';
import { GithubController, PEPPER } from './origins/github/github.controller.js';
import { ReceiveReport } from './leaks/receive-report.js';
import { ReportHeadGuard } from './origins/github/signing-key.js';
import { LeakStore } from './store/leak-store.js';
import { MailStore } from './store/mail-store.js';

/** What secret-scanning needs of the world. */
export interface SecretScanningPorts {
  /** Migrated with `secretScanningSchema`; closed by whoever opened it, after the Nest application. */
  readonly database: Database;
  /** Read at each call, so it may be a getter, as `usageBilling`: in one process the modules refer to one another. */
  readonly keyManagement: Pick<KeyManagementApi, 'revokeLeakedKeys'>;
  readonly usageBilling: Pick<UsageBillingApi, 'spendingByKey'>;
  readonly bus: BusPublisher;
  readonly mail: MailSender;
  readonly githubPublicKeysUrl: string;
  /** The one key-management makes digests with. */
  readonly pepper: string;
  /** Origin of the admin API as people reach it, for the mails; left out where it is not given. */
  readonly publicUrl?: string;
  readonly logger: Logger;
  readonly registry: Registry;
}

/** The service without its listeners: the webhook, bus handlers, relay and mails. */
@Module({})
export class SecretScanningModule {
  static register(ports: SecretScanningPorts): DynamicModule {
    const {
      database: { dataSource },
      bus,
      mail,
      logger,
      registry,
    } = ports;
    const meter = new ScanningMeter(registry);
    const mails = new MailStore(dataSource);
    const leaks = new LeakStore(dataSource);
    const relay = leakRelay({ dataSource, bus, logger });
    const keyManagement = () => ports.keyManagement;
    const mailRun = new MailRun({
      mails,
      mail,
      usageBilling: () => ports.usageBilling,
      publicUrl: ports.publicUrl ?? null,
      logger,
      meter,
    });
    registerScanningGauges(registry, { mailsWaiting: () => mails.waiting(), outboxBacklog: () => relay.backlog() });
    const wake = () => {
      relay.wake();
      mailRun.wake();
    };
    return {
      module: SecretScanningModule,
      controllers: [GithubController, KeysChangedController],
      providers: [
        { provide: PEPPER, useValue: ports.pepper },
        { provide: KEY_MANAGEMENT, useValue: keyManagement },
        ...guardHeads('/webhooks/github/secret-scanning', ReportHeadGuard),
        instance(LeakStore, leaks),
        instance(MailRun, mailRun),
        instance(ScanningMeter, meter),
        instance(
          GithubPublicKeys,
          new GithubPublicKeys(() => meter.publicKeyFetch(() => fetchPublicKeys(ports.githubPublicKeysUrl)), logger),
        ),
        instance(ReceiveReport, new ReceiveReport({ leaks, keyManagement, logger, wake })),
        instance(
          ScanningLifecycle,
          new ScanningLifecycle(relay, mailRun, new UnansweredFindings(leaks, () => relay.wake(), logger)),
        ),
      ],
    };
  }
}

/** What runs beside the requests, from the start of the application to its end. */
class ScanningLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly relay: OutboxRelay,
    private readonly mailRun: MailRun,
    private readonly unanswered: UnansweredFindings,
  ) {}

  onApplicationBootstrap(): void {
    this.relay.start();
    this.mailRun.start();
    this.unanswered.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.unanswered.stop(), this.mailRun.stop(), this.relay.stop()]);
  }
}

/** By a factory: Nest calls the life-cycle hooks of what a factory made. */
function instance<T extends object>(provide: Type<T>, value: T): Provider {
  return { provide, useFactory: () => value };
}
