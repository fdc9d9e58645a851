import { Inject, Injectable } from '@nestjs/common';
import type { OutboxBacklog } from '@tollgate/postgres';
import { Counter, METRICS_REGISTRY, registerAskedGauges, type Registry } from '@tollgate/telemetry';
import type { MailsWaiting } from './store/mail-store.js';

/** The metrics of secret-scanning; `docs/metrics.md` says what each is for. */
@Injectable()
export class ScanningMeter {
  private readonly reports: Counter<'result'>;
  private readonly labelledItems: Counter<'label'>;
  private readonly fetches: Counter<'result'>;
  private readonly mails: Counter<'result'>;

  constructor(@Inject(METRICS_REGISTRY) registry: Registry) {
    const registers = [registry];
    this.reports = new Counter({
      name: 'tollgate_secret_scanning_reports_total',
      help: 'Leak reports: answered, or refused with this error code',
      labelNames: ['result'],
      registers,
    });
    this.labelledItems = new Counter({
      name: 'tollgate_secret_scanning_items_total',
      help: 'Reported secrets, by the label they were answered with',
      labelNames: ['label'],
      registers,
    });
    this.fetches = new Counter({
      name: 'tollgate_secret_scanning_public_key_fetches_total',
      help: 'Fetches of the keys that reports are signed with',
      labelNames: ['result'],
      registers,
    });
    this.mails = new Counter({
      name: 'tollgate_secret_scanning_mails_total',
      help: 'Attempts to send a mail: sent, failed and to be tried again, or given up',
      labelNames: ['result'],
      registers,
    });
    // Each series starts at 0: Prometheus' increase() does not see the first event of a series that starts at 1.
    for (const result of ['answered', 'service_unavailable', 'signing_keys_unavailable', 'internal_error'])
      this.reports.inc({ result }, 0);
    for (const label of ['true_positive', 'false_positive']) this.labelledItems.inc({ label }, 0);
    for (const result of ['fetched', 'failed']) this.fetches.inc({ result }, 0);
    for (const result of ['sent', 'failed', 'abandoned']) this.mails.inc({ result }, 0);
  }

  /** Counts a report. `result` is `answered`, or the error code of the refusal. */
  report(result: string): void {
    this.reports.inc({ result });
  }

  items(labels: readonly string[]): void {
    for (const label of labels) this.labelledItems.inc({ label });
  }

  /** Counts one fetch, and rejects if the fetch does. */
  async publicKeyFetch<T>(fetch: () => Promise<T>): Promise<T> {
    try {
      const list = await fetch();
      this.fetches.inc({ result: 'fetched' });
      return list;
    } catch (error) {
      this.fetches.inc({ result: 'failed' });
      throw error;
    }
  }

  mail(result: 'sent' | 'failed' | 'abandoned'): void {
    this.mails.inc({ result });
  }
}

/** Registers gauges that query the database for waiting mails on each scrape. */
export function registerMailGauges(registry: Registry, mailsWaiting: () => Promise<MailsWaiting>): void {
  registerAskedGauges(registry, mailsWaiting, [
    {
      name: 'tollgate_secret_scanning_mails_waiting',
      help: 'Mails that are owed',
      samples: ({ mails }) => [{ value: mails }],
    },
    {
      name: 'tollgate_secret_scanning_mails_age_seconds',
      help: 'Age of the oldest mail that is owed',
      samples: ({ ageSeconds }) => [{ value: ageSeconds }],
    },
  ]);
}

/** Registers a gauge that queries the database for the backlog of the outbox on each scrape. */
export function registerOutboxGauges(registry: Registry, backlog: () => Promise<readonly OutboxBacklog[]>): void {
  const entries = (effects: readonly OutboxBacklog[]) => effects.reduce((sum, effect) => sum + effect.entries, 0);
  registerAskedGauges(registry, backlog, [
    {
      name: 'tollgate_secret_scanning_outbox_entries',
      help: 'Leaks that wait to be given to the bus',
      samples: (effects) => [{ value: entries(effects) }],
    },
  ]);
}
