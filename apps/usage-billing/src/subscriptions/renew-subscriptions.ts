import { Inject, Injectable } from '@nestjs/common';
import { PeriodicService } from '@tollgate/service';
import { LOGGER, type Logger } from '@tollgate/telemetry';
import { ChangeSubscription } from './change-subscription.js';
import { SubscriptionStore } from './subscription-store.js';

/** How often it is looked whether a cycle has begun. */
const EVERY_MS = 1_000;
const BATCH = 100;
/** For how long a secret is kept for repetitions of the request that made it. */
const SECRETS_KEPT_MS = 24 * 60 * 60_000;

/**
 * Charges the cycles that have begun, and tells keys what they may do in the next. Quotas, pay-as-you-go and mark-ups
 * count by the clock of admission and wait for none of this. Any number of processes may do it at once: each cycle is
 * charged once.
 */
@Injectable()
export class RenewSubscriptions extends PeriodicService {
  constructor(
    private readonly change: ChangeSubscription,
    private readonly store: SubscriptionStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super({ everyMs: EVERY_MS });
  }

  /** Brings up to date all subscriptions that are due at `now`. One that fails does not hold up the others. */
  async execute(now: Date): Promise<void> {
    await this.store.forgetSecrets(new Date(now.getTime() - SECRETS_KEPT_MS));
    const failed = new Set<string>();
    for (;;) {
      const due = (await this.store.due(now, BATCH + failed.size)).filter(({ id }) => !failed.has(id));
      if (due.length === 0) return;
      for (const { organizationId, id, made, leftKeyId } of due) {
        try {
          if (leftKeyId !== null) await this.store.giveUpKey(organizationId, id, leftKeyId);
          if (made) await this.change.execute(organizationId, id, now, null, (subscription) => subscription);
          else await this.store.abandon(organizationId, id, now);
        } catch (err) {
          failed.add(id);
          this.logger.error({ err, organizationId, subscriptionId: id }, 'a subscription was not renewed');
        }
      }
    }
  }

  protected override async work(): Promise<void> {
    try {
      await this.execute(new Date());
    } catch (err) {
      this.logger.warn({ err }, 'it could not be looked which subscriptions are due');
    }
  }
}
