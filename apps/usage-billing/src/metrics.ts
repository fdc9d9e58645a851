import { Inject, Injectable } from '@nestjs/common';
import type { RetentionUsed } from '@tollgate/bus';
import type { OutboxBacklog } from '@tollgate/postgres';
import { Counter, Histogram, METRICS_REGISTRY, registerAskedGauges, type Registry } from '@tollgate/telemetry';
import type { Booking } from './ledger/book-usage/decide-booking.js';
import { QUARANTINE_CAUSES, type QuarantineCause } from './ledger/book-usage/read-usage-record.js';
import type { MonthsState } from './ledger/usage-event-months/usage-event-months.js';

const BATCH_EVENTS = [1, 3, 10, 30, 100, 300, 1_000];
const BATCH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const DELAY_SECONDS = [0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3_600];
const NANO_USD = 1e9;

/** What the gauges of usage-billing ask at each scrape. */
export interface BillingSources {
  /** The number of bus records with usage events that are not booked yet. */
  readonly consumerLag: () => Promise<number>;
  /** When the oldest of them was published, in milliseconds since 1970; null if all are booked. */
  readonly oldestUnbooked: () => Promise<{ readonly publishedMs: number | null }>;
  /** How near those of each topic are to their removal from the bus. */
  readonly retentionUsed: () => Promise<readonly RetentionUsed[]>;
  /** The number of settles that admission has not accepted yet. */
  readonly settlesWaiting: () => number;
  /** The state of the partitions of usage events. */
  readonly months: () => Promise<MonthsState>;
}

/** The metrics of usage-billing; `docs/metrics.md` says what each is for. */
@Injectable()
export class BillingMeter {
  private readonly events: Counter<'outcome'>;
  private readonly repeated: Counter;
  private readonly late: Counter;
  private readonly quarantinedEvents: Counter<'cause'>;
  private readonly valuesReplaced: Counter;
  private readonly loss: Counter;
  private readonly delay: Histogram;
  private readonly batchEvents: Histogram;
  private readonly batchSeconds: Histogram;
  private readonly epochs: Counter<'change'>;
  private readonly goneGateways: Counter;
  private readonly orphans: Counter;
  private readonly loadSeconds: Histogram<'result'>;
  private readonly unheld: Counter;
  private readonly useDelay: Histogram;
  private readonly differences: Counter<'where'>;

  constructor(@Inject(METRICS_REGISTRY) registry: Registry) {
    const registers = [registry];
    this.events = new Counter({
      name: 'tollgate_usage_billing_events_booked_total',
      help: 'Usage events booked, by their outcome',
      labelNames: ['outcome'],
      registers,
    });
    this.repeated = new Counter({
      name: 'tollgate_usage_billing_events_repeated_total',
      help: 'Usage events that came again, and changed nothing',
      registers,
    });
    this.late = new Counter({
      name: 'tollgate_usage_billing_late_finals_total',
      help: 'Events booked after their hold was given back as an orphan’s, or in the place of an orphan’s event',
      registers,
    });
    this.quarantinedEvents = new Counter({
      name: 'tollgate_usage_billing_quarantined_total',
      help: 'Events put into quarantine, by the cause',
      labelNames: ['cause'],
      registers,
    });
    this.valuesReplaced = new Counter({
      name: 'tollgate_usage_billing_values_replaced_total',
      help: 'Events booked with values replaced that the database cannot hold',
      registers,
    });
    this.loss = new Counter({
      name: 'tollgate_usage_billing_platform_loss_usd_total',
      help: 'What providers charged beyond what customers pay',
      registers,
    });
    this.delay = new Histogram({
      name: 'tollgate_usage_billing_booking_delay_seconds',
      help: 'From the end of a request to its booking',
      buckets: DELAY_SECONDS,
      registers,
    });
    this.batchEvents = new Histogram({
      name: 'tollgate_usage_billing_batch_events',
      help: 'Events in one booking',
      buckets: BATCH_EVENTS,
      registers,
    });
    this.batchSeconds = new Histogram({
      name: 'tollgate_usage_billing_batch_seconds',
      help: 'Duration of one booking, its settles with it',
      buckets: BATCH_SECONDS,
      registers,
    });
    this.epochs = new Counter({
      name: 'tollgate_usage_billing_epochs_total',
      help: 'Credit epochs opened, and closed because balances had to be loaded again',
      labelNames: ['change'],
      registers,
    });
    // Each series starts at 0: Prometheus' increase() does not see the first event of a series that starts at 1.
    for (const change of ['opened', 'closed']) this.epochs.inc({ change }, 0);
    this.events.inc({ outcome: 'orphaned' }, 0);
    for (const cause of QUARANTINE_CAUSES) this.quarantinedEvents.inc({ cause }, 0);
    this.goneGateways = new Counter({
      name: 'tollgate_usage_billing_gateways_gone_total',
      help: 'Gateways whose lease stood still for too long',
      registers,
    });
    this.orphans = new Counter({
      name: 'tollgate_usage_billing_orphans_resolved_total',
      help: 'Open holds of gateways that are gone, resolved',
      registers,
    });
    this.loadSeconds = new Histogram({
      name: 'tollgate_usage_billing_account_load_seconds',
      help: 'Duration of loading an account with what its key was charged before the limit',
      labelNames: ['result'],
      buckets: BATCH_SECONDS,
      registers,
    });
    this.unheld = new Counter({
      name: 'tollgate_usage_billing_unheld_charges_total',
      help: 'Accounts with a limit that a batch charged for calls without a hold on them',
      registers,
    });
    this.useDelay = new Histogram({
      name: 'tollgate_usage_billing_used_keys_delay_seconds',
      help: 'Time from the end of the last call of a key until its use was told on the bus',
      buckets: DELAY_SECONDS,
      registers,
    });
    this.differences = new Counter({
      name: 'tollgate_usage_billing_differences_total',
      help: 'Accounts and times of which ledger, transfers, events, roll-ups and admission did not agree in two checks in a row',
      labelNames: ['where'],
      registers,
    });
    for (const where of ['transfers', 'events', 'admission', 'holds', 'event', 'usage'])
      this.differences.inc({ where }, 0);
  }

  /** Counts a difference between ledger, admission and events that was seen twice in a row. */
  differenceFound(where: string): void {
    this.differences.inc({ where });
  }

  /** Counts a batch of the bus after it was booked and its settles were sent or kept. */
  batch(events: number, seconds: number): void {
    this.batchEvents.observe(events);
    this.batchSeconds.observe(seconds);
  }

  /** Counts the bookings of a committed transaction. `events` is the number delivered; the rest were repeats. */
  booked(bookings: readonly Booking[], events: number, nowMs: number): void {
    if (events > bookings.length) this.repeated.inc(events - bookings.length);
    for (const { event, kind, lossNanoUsd } of bookings) {
      this.events.inc({ outcome: event.outcome });
      if (kind !== 'post') this.late.inc();
      if (lossNanoUsd > 0n) this.loss.inc(Number(lossNanoUsd) / NANO_USD);
      this.delay.observe(Math.max(0, nowMs - Date.parse(event.endedAt)) / 1_000);
    }
  }

  quarantined(cause: QuarantineCause, events: number): void {
    this.quarantinedEvents.inc({ cause }, events);
  }

  /** Counts an event that was booked with values replaced. */
  valueReplaced(): void {
    this.valuesReplaced.inc();
  }

  epochOpened(): void {
    this.epochs.inc({ change: 'opened' });
  }

  epochClosed(): void {
    this.epochs.inc({ change: 'closed' });
  }

  gatewaysGone(gateways: number): void {
    this.goneGateways.inc(gateways);
  }

  /** Observes a load of an account; `ms` is the time that the caller waited. */
  accountLoaded(result: 'loaded' | 'failed', ms: number): void {
    this.loadSeconds.observe({ result }, ms / 1_000);
  }

  /** Counts accounts that admission was told of because they were charged without a hold. */
  unheldTold(accounts: number): void {
    this.unheld.inc(accounts);
  }

  /** Observes the delays with which the use of keys was told, in milliseconds. */
  usedKeysTold(delaysMs: readonly number[]): void {
    for (const ms of delaysMs) this.useDelay.observe(Math.max(0, ms) / 1_000);
  }

  orphansResolved(holds: number): void {
    this.orphans.inc(holds);
  }
}

/** Registers gauges that query their sources on each scrape. */
export function registerBillingGauges(registry: Registry, sources: BillingSources): void {
  const { consumerLag, oldestUnbooked, retentionUsed, settlesWaiting, months } = sources;
  registerAskedGauges(registry, consumerLag, [
    {
      name: 'tollgate_usage_billing_consumer_lag_records',
      help: 'Records of usage events on the bus that are not booked',
      samples: (records) => [{ value: records }],
    },
  ]);
  registerAskedGauges(registry, oldestUnbooked, [
    {
      name: 'tollgate_usage_billing_oldest_unbooked_seconds',
      help: 'Age of the oldest usage event on the bus that is not booked; 0 where all are',
      samples: ({ publishedMs: ms }) => [{ value: ms === null ? 0 : Math.max(0, Date.now() - ms) / 1_000 }],
    },
  ]);
  registerAskedGauges(registry, retentionUsed, [
    {
      name: 'tollgate_usage_billing_retention_used_ratio',
      help: 'How much of what Kafka keeps of usage events is taken up by those that are not booked',
      labelNames: ['limit'],
      samples: (used) =>
        (['bytes', 'time'] as const).flatMap((limit) => {
          const ratios = used.map((of) => of[limit]).filter((ratio) => ratio !== null);
          return ratios.length === 0 ? [] : [{ labels: { limit }, value: Math.max(...ratios) }];
        }),
    },
  ]);
  registerAskedGauges(registry, async () => settlesWaiting(), [
    {
      name: 'tollgate_usage_billing_settles_waiting',
      help: 'Settles of booked events that admission has not taken',
      samples: (settles) => [{ value: settles }],
    },
  ]);
  registerAskedGauges(registry, months, [
    {
      name: 'tollgate_usage_billing_months_ahead',
      help: 'Months after this one that have a partition for their usage events',
      samples: ({ monthsAhead }) => [{ value: monthsAhead }],
    },
    {
      name: 'tollgate_usage_billing_events_without_month',
      help: 'Usage events in the default partition, up to 10,000',
      samples: ({ eventsWithoutMonth }) => [{ value: eventsWithoutMonth }],
    },
  ]);
}

/** Registers the gauges of mails about alerts that are not sent yet. */
export function registerAlertMailGauges(
  registry: Registry,
  waiting: () => Promise<{ readonly mails: number; readonly ageSeconds: number }>,
): void {
  registerAskedGauges(registry, waiting, [
    {
      name: 'tollgate_usage_billing_alert_mails_waiting',
      help: 'Mails about alerts that are neither sent nor given up',
      samples: ({ mails }) => [{ value: mails }],
    },
    {
      name: 'tollgate_usage_billing_alert_mail_age_seconds',
      help: 'Age of the oldest of them',
      samples: ({ ageSeconds }) => [{ value: ageSeconds }],
    },
  ]);
}

/** Registers the gauges of messages that wait for webhooks. */
export function registerWebhookGauges(
  registry: Registry,
  waiting: () => Promise<{ readonly deliveries: number; readonly ageSeconds: number }>,
): void {
  registerAskedGauges(registry, waiting, [
    {
      name: 'tollgate_usage_billing_webhook_deliveries_waiting',
      help: 'Messages that webhooks have not taken yet, and that are not given up',
      samples: ({ deliveries }) => [{ value: deliveries }],
    },
    {
      name: 'tollgate_usage_billing_webhook_deliveries_overdue_seconds',
      help: 'For how long the next attempt of the message that waits longest is due',
      samples: ({ ageSeconds }) => [{ value: ageSeconds }],
    },
  ]);
}

/** Registers the gauge of events in quarantine; `open` counts those about which nobody has decided. */
export function registerQuarantineGauge(registry: Registry, open: () => Promise<number>): void {
  registerAskedGauges(registry, open, [
    {
      name: 'tollgate_usage_billing_quarantine_open',
      help: 'Quarantined usage events that are neither replayed nor discarded, up to 10,000',
      samples: (events) => [{ value: events }],
    },
  ]);
}

/** Registers the gauge of keys whose use is not told yet; `waiting` counts them. */
export function registerUsedKeysGauge(registry: Registry, waiting: () => Promise<number>): void {
  registerAskedGauges(registry, waiting, [
    {
      name: 'tollgate_usage_billing_used_keys_waiting',
      help: 'Keys whose use is booked and not told on the bus, up to 10,000',
      samples: (keys) => [{ value: keys }],
    },
  ]);
}

/** Registers gauges that query the database on each scrape. */
export function registerOutboxGauges(registry: Registry, backlog: () => Promise<readonly OutboxBacklog[]>): void {
  registerAskedGauges(registry, backlog, [
    {
      name: 'tollgate_usage_billing_outbox_entries',
      help: 'Committed changes that wait to be relayed',
      labelNames: ['effect'],
      samples: (effects) => effects.map(({ effect, entries }) => ({ labels: { effect }, value: entries })),
    },
    {
      name: 'tollgate_usage_billing_outbox_age_seconds',
      help: 'Age of the oldest of them',
      labelNames: ['effect'],
      samples: (effects) => effects.map(({ effect, ageSeconds }) => ({ labels: { effect }, value: ageSeconds })),
    },
  ]);
}
