import { Inject, Injectable } from '@nestjs/common';
import { PeriodicService } from '@tollgate/service';
import { SealError, SEALING, type Sealing } from '@tollgate/sealing';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { TEST_EVENT } from '../webhook-events.js';
import { sealedForWebhook, webhookHeaders } from '../webhook-secret.js';
import { WebhookStore } from '../webhook-store.js';
import { DeliveryStore, type AttemptOutcome, type DueDelivery } from './delivery-store.js';
import { WebhookHttp, type Attempt } from './post-webhook.js';
import { retryDelay } from './retry-delay.js';

/** The interval of looking for messages that are due, or that a process left when it died. */
const POLL_MS = 1_000;
/** Longer than an attempt takes. After a crash another process takes the message when the lease has expired. */
export const DELIVERY_LEASE_MS = 30_000;
/** Attempts under way at once in a process, each to another webhook. */
const AT_ONCE = 16;
const GONE = 410;

/** Sends the messages that are due. Several processes may: each message is leased to one of them. */
@Injectable()
export class DeliverWebhooks extends PeriodicService {
  private readonly underWay = new Set<Promise<void>>();

  constructor(
    private readonly deliveries: DeliveryStore,
    private readonly webhooks: WebhookStore,
    private readonly http: WebhookHttp,
    @Inject(SEALING) private readonly sealing: Pick<Sealing, 'open'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: POLL_MS });
  }

  /** Resolves when the attempts under way have ended, each within its time. */
  override async onApplicationShutdown(): Promise<void> {
    await super.onApplicationShutdown();
    await Promise.all(this.underWay);
    await this.http.close();
  }

  /** Looks for messages now, without waiting for the next poll. */
  wake(): void {
    this.periodic.wake();
  }

  /** Makes one attempt and stores what came of it. Rejects if the database cannot be reached. */
  async attempt(due: DueDelivery): Promise<void> {
    const { organizationId, webhookId, messageId, url, body } = due;
    const secrets = this.secretsOf(due);
    const attempt: Attempt =
      secrets === null
        ? { status: null, durationMs: 0, error: 'secret_unreadable' }
        : await this.http.post(url, webhookHeaders({ id: messageId, at: new Date(), body }, secrets), body);
    await this.deliveries.attempted(due, outcomeOf(due, attempt, new Date()));
    if (attempt.status === GONE) {
      this.logger.warn({ organizationId, webhookId }, 'a webhook has answered that it is gone, and is disabled');
      await this.webhooks.disableGone(organizationId, webhookId, new Date());
    }
  }

  /** Null if one of them cannot be opened. */
  private secretsOf({ organizationId, webhookId, secrets }: DueDelivery): string[] | null {
    try {
      return secrets.map((sealed) => this.sealing.open(sealed, sealedForWebhook(organizationId, webhookId)));
    } catch (err) {
      if (!(err instanceof SealError)) throw err;
      this.logger.error({ err, organizationId, webhookId }, 'the secret of a webhook cannot be opened');
      return null;
    }
  }

  /** Never rejects. */
  protected override async work(): Promise<void> {
    try {
      while (!this.periodic.stopped && this.underWay.size < AT_ONCE) {
        const due = await this.deliveries.take(DELIVERY_LEASE_MS);
        if (due === null) return;
        this.begin(due);
      }
    } catch (err) {
      this.logger.warn({ err }, 'messages to webhooks cannot be read in the database');
    }
  }

  private begin(due: DueDelivery): void {
    const { organizationId, webhookId } = due;
    const work = this.attempt(due)
      .catch((err: unknown) =>
        this.logger.warn({ err, organizationId, webhookId }, 'an attempt to send a webhook its message failed here'),
      )
      .finally(() => {
        this.underWay.delete(work);
        this.periodic.wake();
      });
    this.underWay.add(work);
  }
}

function outcomeOf({ type, attempt: number, retriedSince }: DueDelivery, attempt: Attempt, now: Date): AttemptOutcome {
  if (attempt.error === null) return { attempt, state: 'delivered', retryInMs: null };
  const hopeless = attempt.status === GONE || type === TEST_EVENT;
  const retryInMs = hopeless ? null : retryDelay(number, now.getTime() - retriedSince.getTime());
  return { attempt, state: retryInMs === null ? 'failed' : 'pending', retryInMs };
}
