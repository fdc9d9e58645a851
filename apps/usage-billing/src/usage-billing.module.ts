import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import type { AdmissionBooks } from '@tollgate/admission';
import { ADMIN_SECRET } from '@tollgate/http';
import { USAGE_RECORDED_V1, type KeyManagementApi } from '@tollgate/contracts';
import type { Database } from '@tollgate/postgres';
import type { Logger, Registry } from '@tollgate/telemetry';
import { directUsageBillingApi, USAGE_BILLING_API } from './internal-api/direct-usage-billing-api.js';
import { UsageController } from './usage/usage.controller.js';
import { BookUsage } from './ledger/book-usage/book-usage.js';
import { SettleHolds } from './ledger/book-usage/settle-holds.js';
import { UsageRecordedController } from './ledger/book-usage/usage-recorded.controller.js';
import { GatewayInstances } from './store/gateway-instances.js';
import { GatewayWatch } from './gateways/gateway-watch.js';
import { ResolveOrphans } from './ledger/resolve-orphans/resolve-orphans.js';
import { BillingMeter, registerBillingGauges } from './metrics.js';
import { OpenEpoch, type Drained } from './credit-epochs/open-epoch.js';
import { FindUsageEvent } from './usage/read-usage/find-usage-event.js';
import { KnownKeys } from './usage/read-usage/known-keys.js';
import { ReadUsage } from './usage/read-usage/usage-totals.js';
import { CompareBalances } from './ledger/reconcile/compare-balances.js';

/** What usage-billing needs of the world. */
export interface UsageBillingPorts {
  /** Migrated with `usageBillingSchema`; closed by whoever opened it, after the Nest application. */
  readonly database: Database;
  readonly admission: AdmissionBooks;
  /** Of the bus server that this module's handlers listen on. */
  readonly drained: Drained;
  /** Of the same: records of a topic that are not handled yet. */
  readonly lag: (topic: string) => Promise<number>;
  readonly adminSecret: string;
  /**
   * Asked which ids are of keys; where it is not given, an id that was never charged reads as a key that was not used.
   * Read at each call, so it may be a getter: in one process the modules refer to one another.
   */
  readonly keyManagement?: Pick<KeyManagementApi, 'knownKeys'>;
  /** A gateway whose lease stands still for this long is gone, and its holds are resolved. Default 30,000. */
  readonly goneAfterMs?: number;
  readonly logger: Logger;
  readonly registry: Registry;
}

const GONE_AFTER_MS = 30_000;

/** The service without its listeners: usage API, bus handler, the watch over gateways; exports `USAGE_BILLING_API`. */
@Module({})
export class UsageBillingModule {
  static register(ports: UsageBillingPorts): DynamicModule {
    const {
      database: { dataSource },
      admission,
      drained,
      lag,
      adminSecret,
      goneAfterMs = GONE_AFTER_MS,
      logger,
      registry,
    } = ports;
    const meter = new BillingMeter(registry);
    const instances = new GatewayInstances(dataSource);
    const settles = new SettleHolds(admission, logger);
    const orphans = new ResolveOrphans(dataSource, instances, admission, drained, logger, meter);
    const gateways = new GatewayWatch({ instances, orphans, settles, admission, goneAfterMs, logger, meter });
    const openEpoch = new OpenEpoch(dataSource, admission, drained, logger, meter);
    registerBillingGauges(registry, {
      consumerLag: () => lag(USAGE_RECORDED_V1),
      settlesWaiting: () => settles.waiting,
    });
    return {
      module: UsageBillingModule,
      controllers: [UsageController, UsageRecordedController],
      providers: [
        { provide: ADMIN_SECRET, useValue: adminSecret },
        { provide: USAGE_BILLING_API, useValue: directUsageBillingApi(dataSource, gateways, openEpoch) },
        instance(BookUsage, new BookUsage(dataSource, admission, settles, logger, meter)),
        instance(ReadUsage, new ReadUsage(dataSource)),
        instance(FindUsageEvent, new FindUsageEvent(dataSource)),
        instance(KnownKeys, new KnownKeys(() => ports.keyManagement, logger)),
        instance(CompareBalances, new CompareBalances(dataSource, admission)),
        instance(GatewayWatch, gateways),
      ],
      exports: [USAGE_BILLING_API, CompareBalances],
    };
  }
}

/** By a factory: Nest calls the life-cycle hooks of what a factory made. */
function instance<T extends object>(provide: Type<T>, value: T): Provider {
  return { provide, useFactory: () => value };
}
